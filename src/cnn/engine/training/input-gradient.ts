import { show } from '../../../core/errors.ts'
import { single } from '../lowering/lower-windows.ts'
import { NotForEngine } from '../lowering/not-for-engine.ts'
import { type Convolution, linear, type MapValue } from '../lowering/operations.ts'
import type { PlannedOperation } from '../planning/step.ts'
import { exchangedWeights } from './exchanged-weights.ts'
import { spreadOut } from './spread-out.ts'
import { hasStridedGradient, stridedGradient } from './strided-gradient.ts'

/**
 * The gradient of the map that a convolution read: a convolution of the gradient with the weights rotated by 180
 * degrees and with inputs and outputs exchanged. If the convolution has strides, it is the transpose of a Winograd form, or
 * zeros are put between the pixels of the gradient.
 *
 * @param dy the gradient of the convolution's sums
 * @param residual a gradient to add
 * @returns the operations; the output of the last one is the gradient
 * @throws {NotForEngine} if the padding is larger than the window
 */
export function inputGradient(
  convolution: Convolution,
  dy: MapValue,
  residual: MapValue | undefined,
): PlannedOperation[] {
  const { input, kernel, strides, dilations, groups, isMutable } = convolution
  const name = `gradient of ${convolution.name}`
  const before = ([0, 1] as const).map((i) => (kernel[i] - 1) * dilations[i] - convolution.before[i])
  if (before.some((n) => n < 0)) {
    throw new NotForEngine(`the padding of ${show(convolution.name)} is larger than its window`)
  }
  const exchanged: Convolution = {
    ...single,
    type: 'convolution',
    name,
    input: dy,
    output: { shape: input.shape },
    kernel,
    dilations,
    before: [before[0], before[1]],
    groups,
    ...exchangedWeights(convolution, true),
    bias: new Float32Array(input.shape.channels),
    residual,
    activation: linear,
    isMutable,
  }
  if (strides.every((n) => n === 1)) return [exchanged]
  if (hasStridedGradient(convolution)) {
    return [stridedGradient(convolution, { ...exchanged, ...exchangedWeights(convolution, false) })]
  }
  if (kernel.every((n) => n === 1)) {
    // Each gradient reaches one pixel, so that the zeros can come last.
    const { height, width } = dy.shape
    const product: MapValue = { shape: { channels: input.shape.channels, height, width } }
    const spread = spreadOut(name, product, strides, input.shape, residual)
    return [{ ...exchanged, output: product, residual: undefined }, spread]
  }
  const [height, width] = [dy.shape.height, dy.shape.width].map((size, i) => (size - 1) * strides[i] + 1)
  const spread = spreadOut(name, dy, strides, { ...dy.shape, height, width })
  return [spread, { ...exchanged, input: spread.output }]
}
