import { type Convolution, multiplyAddsOf } from '../../lowering/operations.ts'
import { addDenseWeights, paddedFilters } from '../pack-weights.ts'
import { areaOf, epilogueAddress, residualOf, type StepContext } from '../step.ts'
import { everyPixel, windowCorners } from '../tables.ts'
import { addWinograd } from './steps-winograd.ts'

/** Bytes of a block's input and output: a share of the L2 cache, which also holds the weights of a panel. */
const BLOCK_BYTES = 2 ** 17

/** Numbers of a window that are summed before the next ones: their weights in a panel take 10 kB of the first-level cache. */
const DEPTH_BLOCK_NUMBERS = 160

/** Adds the kernel calls that implement a convolution. */
export function addConvolution(operation: Convolution, context: StepContext): void {
  switch (context.kernels.get(operation)!) {
    case 'dense':
      addDense(operation, context)
      break
    case 'depthwise':
      context.rare.addDepthwise!(operation, context)
      break
    case 'stem':
      context.rare.addStem!(operation, context)
      break
    default:
      addWinograd(operation, context)
      break
  }
}

function addDense(operation: Convolution, context: StepContext): void {
  const { map, memory, tables, facts, push, index } = context
  const { tilePixels } = facts
  const { name, groups, kernel, strides, dilations, bias } = operation
  const [x, out] = [map(operation.input), map(operation.output)]
  const { rowBytes, pixelBytes } = x.layout
  const { shape } = out.layout
  const channels = x.layout.shape.channels / groups
  const filters = bias.length / groups
  const depth = channels * kernel[0] * kernel[1]
  // If the pixels of a window row are contiguous in memory, the whole row is one segment.
  const isJoined = groups === 1 && dilations[1] === 1 && pixelBytes === 4 * channels
  const segments: number[] = []
  for (let row = 0; row < kernel[0]; row++) {
    const offset = row * dilations[0] * rowBytes
    if (isJoined) segments.push(offset, kernel[1] * channels)
    else {
      for (let column = 0; column < kernel[1]; column++) {
        segments.push(offset + column * dilations[1] * pixelBytes, channels)
      }
    }
  }
  const cut = depthBlocksOf(segments, DEPTH_BLOCK_NUMBERS)
  const segmentTable = tables.integers(cut.segments)
  const depthBlockTable = tables.integers(cut.depthBlocks)
  const groupBytes = 4 * paddedFilters(filters, facts) * depth
  const weights = addDenseWeights(operation, facts, memory)
  const biases = memory.floats(bias.length + facts.wide, (to) => to.set(bias), operation.isMutable)
  const from = tables.pixels(x.layout, windowCorners(operation, shape))
  const to = tables.pixels(out.layout, everyPixel(shape))
  const residual = residualOf(operation, context)
  const gate = operation.gate && map(operation.gate)
  const panels = gate ? memory.buffer(groupBytes, index) : { address: weights }
  const epilogue = epilogueAddress(context, operation.activation)
  const inputBytes = Math.min(strides[0] * strides[1], kernel[0] * kernel[1]) * pixelBytes
  const blockPixels = BLOCK_BYTES / (inputBytes + out.layout.pixelBytes)
  const pixelBlock = Math.max(tilePixels, Math.floor(blockPixels / tilePixels) * tilePixels)
  const area = areaOf(shape)
  push({
    name,
    kernel: 'dense',
    multiplyAdds: multiplyAddsOf(operation),
    run: (kernels, pictures) => {
      const each = gate ? 1 : pictures
      for (let picture = 0; picture < pictures; picture += each) {
        const skipped = 4 * picture * area
        if (gate) {
          const factors = gate.buffer.address + picture * gate.layout.pictureBytes
          kernels.scalePanels(weights, depth, filters, factors, panels.address)
        }
        for (let group = 0; group < groups; group++) {
          const first = group * filters * 4
          kernels.dense(
            x.buffer.address + group * channels * 4,
            from + skipped,
            each * area,
            pixelBlock,
            segmentTable,
            depthBlockTable,
            cut.depthBlocks.length / 2,
            panels.address + group * groupBytes,
            biases + first,
            filters,
            out.buffer.address + first,
            to + skipped,
            residual.buffer.address && residual.buffer.address + first,
            residual.offsets + skipped,
            epilogue,
          )
        }
      }
    },
  })
}

/**
 * Cuts the segments of a window into depth blocks of at most `most` numbers.
 *
 * @returns the pairs (offset, count) of the segments, and the pairs (segments, numbers) of the blocks
 */
function depthBlocksOf(segments: number[], most: number): { segments: number[]; depthBlocks: number[] } {
  const cut: number[] = []
  const depthBlocks: number[] = []
  let [count, numbers] = [0, 0]
  const end = () => {
    depthBlocks.push(count, numbers)
    count = 0
    numbers = 0
  }
  for (let i = 0; i < segments.length; i += 2) {
    let [offset, left] = segments.slice(i, i + 2)
    while (left > 0) {
      const taken = Math.min(left, most - numbers)
      cut.push(offset, taken)
      count++
      numbers += taken
      offset += 4 * taken
      left -= taken
      if (numbers === most) end()
    }
  }
  if (count > 0) end()
  return { segments: cut, depthBlocks }
}
