import { integerOf, integersOf, textOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import { NotForEngine } from './not-for-engine.ts'
import type { MapShape, Windows } from './operations.ts'

type Pair = [number, number]

/**
 * Window geometry of a node, from its attributes.
 *
 * @param shape shape of the input map
 * @param kernel rows and columns of a window
 * @throws {NotForEngine} for windows that are not 2-d, and for negative padding
 */
export function windowsOf(node: NodeProto, shape: MapShape, kernel: number[]): Windows {
  const strides = integersOf(node, 'strides') ?? kernel.map(() => 1)
  const dilations = integersOf(node, 'dilations') ?? kernel.map(() => 1)
  const pads = integersOf(node, 'pads') ?? [...kernel, ...kernel].map(() => 0)
  const isPair = kernel.length === 2 && strides.length === 2 && dilations.length === 2 && pads.length === 4
  const isSound =
    [...kernel, ...strides, ...dilations].every((n) => n > 0) && pads.every((n) => n >= 0 && n < 2 ** 20)
  if (!isPair || !isSound)
    throw new NotForEngine(
      `the windows of node '${node.name}' are not two-dimensional, or have negative padding`,
    )
  let before = pads.slice(0, 2)
  let after = pads.slice(2)
  const padding = textOf(node, 'auto_pad', 'NOTSET')
  if (padding !== 'NOTSET') {
    before = [0, 0]
    after = [0, 0]
    if (/^SAME/.test(padding)) {
      for (const [i, side] of [shape.height, shape.width].entries()) {
        const reach = (kernel[i] - 1) * dilations[i] + 1
        const all = Math.max(0, (Math.ceil(side / strides[i]) - 1) * strides[i] + reach - side)
        before[i] = padding === 'SAME_UPPER' ? all >> 1 : (all + 1) >> 1
        after[i] = all - before[i]
      }
    }
  }
  return {
    kernel: kernel as Pair,
    strides: strides as Pair,
    dilations: dilations as Pair,
    before: before as Pair,
    after: after as Pair,
  }
}

/** Numbers of windows, vertically and horizontally, which are the output's height and width. */
export function placesOf(windows: Windows, shape: MapShape, node?: NodeProto): Pair {
  const ceil = node !== undefined && integerOf(node, 'ceil_mode', 0) === 1
  return [shape.height, shape.width].map((side, i) => {
    const { kernel, strides, dilations, before, after } = windows
    const reach = (kernel[i] - 1) * dilations[i] + 1
    const steps = (side + before[i] + after[i] - reach) / strides[i]
    if (!ceil) return Math.floor(steps) + 1
    const places = Math.ceil(steps) + 1
    // With ceil_mode, a last window that would start beyond the input and its leading padding is dropped.
    return (places - 1) * strides[i] >= side + before[i] ? places - 1 : places
  }) as Pair
}
