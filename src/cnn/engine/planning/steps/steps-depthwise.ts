import { type Convolution, multiplyAddsOf } from '../../lowering/operations.ts'
import { roundUp } from '../maps.ts'
import { addDepthwiseWeights } from '../pack-weights.ts'
import { areaOf, epilogueAddress, residualOf, type StepContext } from '../step.ts'
import { everyPixel, tapOffsets, windowCorners } from '../tables.ts'

/** Adds the kernel call of a convolution of each channel by itself. */
export function addDepthwise(operation: Convolution, context: StepContext): void {
  const { map, memory, tables, push } = context
  const { name, kernel, dilations, strides, bias } = operation
  const [x, out] = [map(operation.input), map(operation.output)]
  const { rowBytes } = x.layout
  const { shape } = out.layout
  const channels = roundUp(shape.channels, 4)
  const weights = addDepthwiseWeights(operation, channels, memory)
  const biases = memory.floats(channels, (to) => to.set(bias), operation.isMutable)
  const from = tables.pixels(x.layout, windowCorners(operation, shape))
  const to = tables.pixels(out.layout, everyPixel(shape))
  const residual = residualOf(operation, context)
  const epilogue = epilogueAddress(context, operation.activation)
  const multiplyAdds = multiplyAddsOf(operation)
  const [side, column] = kernel
  if (
    side === column &&
    (side === 3 || side === 5) &&
    dilations[1] === 1 &&
    strides[1] <= 2 &&
    shape.width >= 4
  ) {
    push({
      name,
      kernel: 'depthwiseRows',
      multiplyAdds,
      run: (kernels, pictures) =>
        kernels.depthwiseRows(
          x.buffer.address,
          from,
          pictures * shape.height,
          shape.width,
          side,
          strides[1],
          dilations[0] * rowBytes,
          weights,
          biases,
          channels,
          out.buffer.address,
          to,
          residual.buffer.address,
          residual.offsets,
          epilogue,
        ),
    })
    return
  }
  const taps = tapOffsets(kernel, dilations, x.layout)
  const tapTable = tables.integers(taps)
  const area = areaOf(shape)
  push({
    name,
    kernel: 'depthwise',
    multiplyAdds,
    run: (kernels, pictures) =>
      kernels.depthwise(
        x.buffer.address,
        from,
        pictures * area,
        tapTable,
        taps.length,
        weights,
        biases,
        channels,
        out.buffer.address,
        to,
        residual.buffer.address,
        residual.offsets,
        epilogue,
      ),
  })
}
