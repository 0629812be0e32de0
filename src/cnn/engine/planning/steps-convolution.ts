import { type Convolution, lengthOf, linear } from '../lowering/operations.ts'
import { isCurved, winogradForm } from './choose-kernel.ts'
import { roundUp } from './maps.ts'
import {
  addDenseWeights,
  addDepthwiseWeights,
  addUntransformedWeights,
  addWinogradWeights,
  paddedFilters,
} from './pack-weights.ts'
import { areaOf, finishAddress, type StepContext } from './step.ts'
import { everyPixel, windowCorners } from './tables.ts'

/** Bytes of a block's input and output: a share of the L2 cache, which also holds the weights of a panel. */
const BLOCK_BYTES = 2 ** 17

/** Numbers of a window that are summed before the next ones: their weights in a panel take 10 kB of the first-level cache. */
const DENSE_PART = 160

/** Adds the kernel calls that implement a convolution. */
export function addConvolution(operation: Convolution, context: StepContext): void {
  switch (context.kernels.get(operation)!) {
    case 'dense':
      addDense(operation, context)
      break
    case 'depthwise':
      addDepthwise(operation, context)
      break
    default:
      addWinograd(operation, context)
      break
  }
}

/** Multiply-adds for one image. */
function multiplyAddsOf({ input, output, groups, kernel }: Convolution): number {
  return (lengthOf(output.shape) * input.shape.channels * kernel[0] * kernel[1]) / groups
}

/** The residual's buffer and pixel table; address and table are 0 if there is none. */
function residualOf({ residual }: Convolution, { map, tables }: StepContext) {
  if (!residual) return { buffer: { address: 0 }, offsets: 0 }
  const { buffer, layout } = map(residual)
  return { buffer, offsets: tables.pixels(layout, everyPixel(layout.shape)) }
}

function addDense(operation: Convolution, context: StepContext): void {
  const { map, memory, tables, facts, push } = context
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
  const cut = partsOf(segments, DENSE_PART)
  const segmentTable = tables.integers(cut.segments)
  const partTable = tables.integers(cut.parts)
  const panels = paddedFilters(filters, facts)
  const weights = addDenseWeights(operation, facts, memory)
  const biases = memory.floats(bias.length + facts.wide, (to) => to.set(bias), operation.isLive)
  const from = tables.pixels(x.layout, windowCorners(operation, shape))
  const to = tables.pixels(out.layout, everyPixel(shape))
  const residual = residualOf(operation, context)
  const finish = finishAddress(context, operation.activation)
  const inputBytes = Math.min(strides[0] * strides[1], kernel[0] * kernel[1]) * pixelBytes
  const blockPixels = BLOCK_BYTES / (inputBytes + out.layout.pixelBytes)
  const block = Math.max(tilePixels, Math.floor(blockPixels / tilePixels) * tilePixels)
  const area = areaOf(shape)
  push({
    name,
    kernel: 'dense',
    multiplyAdds: multiplyAddsOf(operation),
    run: (kernels, pictures) => {
      for (let group = 0; group < groups; group++) {
        const first = group * filters * 4
        kernels.dense(
          x.buffer.address + group * channels * 4,
          from,
          pictures * area,
          block,
          segmentTable,
          partTable,
          cut.parts.length / 2,
          weights + group * panels * depth * 4,
          biases + first,
          filters,
          out.buffer.address + first,
          to,
          residual.buffer.address && residual.buffer.address + first,
          residual.offsets,
          finish,
        )
      }
    },
  })
}

/**
 * Cuts the segments of a window into parts of at most `most` numbers.
 *
 * @returns the pairs (offset, count) of the segments, and the pairs (segments, numbers) of the parts
 */
function partsOf(segments: number[], most: number): { segments: number[]; parts: number[] } {
  const cut: number[] = []
  const parts: number[] = []
  let [count, numbers] = [0, 0]
  const end = () => {
    parts.push(count, numbers)
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
  return { segments: cut, parts }
}

function addDepthwise(operation: Convolution, context: StepContext): void {
  const { map, memory, tables, push } = context
  const { kernel, dilations, bias } = operation
  const [x, out] = [map(operation.input), map(operation.output)]
  const { rowBytes, pixelBytes } = x.layout
  const { shape } = out.layout
  const channels = roundUp(shape.channels, 4)
  const taps: number[] = []
  for (let row = 0; row < kernel[0]; row++) {
    for (let column = 0; column < kernel[1]; column++) {
      taps.push(row * dilations[0] * rowBytes + column * dilations[1] * pixelBytes)
    }
  }
  const tapTable = tables.integers(taps)
  const weights = addDepthwiseWeights(operation, channels, memory)
  const biases = memory.floats(channels, (to) => to.set(bias), operation.isLive)
  const from = tables.pixels(x.layout, windowCorners(operation, shape))
  const to = tables.pixels(out.layout, everyPixel(shape))
  const residual = residualOf(operation, context)
  const finish = finishAddress(context, operation.activation)
  const area = areaOf(shape)
  push({
    name: operation.name,
    kernel: 'depthwise',
    multiplyAdds: multiplyAddsOf(operation),
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
        finish,
      ),
  })
}

/**
 * Bytes of the transformed planes of a block of tiles, which stay in the L2 cache; and how many times as many the
 * weights may be, which pass once a block: the planes of large weights leave that cache rather.
 */
const PLANE_BYTES = 160_000
const WEIGHTS_PER_PLANES = 8

/** Transformed weights that take more bytes than this are transformed in each pass, since reading them would take longer. */
const LATE_BYTES = 2 ** 21

function addWinograd(operation: Convolution, context: StepContext): void {
  const { map, memory, tables, facts, pictures: most, index, push } = context
  const { tilePixels, winogradPlaneGap: gap } = facts
  const { name, bias } = operation
  const chosen = winogradForm(context.kernels.get(operation)!)!
  const { form, side, planes: planeCount, weightPlanes } = chosen
  const stride = side * operation.strides[0]
  const [x, out] = [map(operation.input), map(operation.output)]
  const { shape } = out.layout
  const { rowBytes, pixelBytes } = x.layout
  const filters = roundUp(shape.channels, 4)
  const panels = paddedFilters(shape.channels, facts)
  const [down, right] = [Math.ceil(shape.height / side), Math.ceil(shape.width / side)]
  const tiles = down * right
  const channels = pixelBytes / 4
  const transformedBytes = 4 * weightPlanes * panels * channels
  const isLate = transformedBytes > LATE_BYTES
  const planeBytes = Math.max(PLANE_BYTES, transformedBytes / WEIGHTS_PER_PLANES)
  const fitting = Math.floor(planeBytes / (planeCount * pixelBytes) / tilePixels) * tilePixels
  const block = Math.max(tilePixels, Math.min(fitting, roundUp(tiles * most, tilePixels)))
  const planes = memory.buffer(planeCount * (block * pixelBytes + gap), index)
  const sums = memory.buffer(planeCount * (block * panels * 4 + gap), index)
  const scratch = memory.buffer(facts.winogradScratchBytes, index)
  const weights = isLate
    ? addUntransformedWeights(operation, facts, memory)
    : addWinogradWeights(operation, chosen, facts, memory)
  const late = facts.winogradChannels
  const transformed = memory.buffer(isLate ? weightPlanes * (late * facts.wide * 4 + gap) : 0, index)
  const biases = memory.floats(panels, (to) => to.set(bias), operation.isLive)
  const rows = (bytes: number) => tables.integers(Array.from({ length: block }, (_, i) => i * bytes))
  const [planeRows, sumRows] = [rows(pixelBytes), rows(panels * 4)]
  const segments = tables.integers(isLate ? [0, late, 0, channels % late] : [0, channels])
  const zeros = memory.share('zeros', facts.wide * 4, () => {})
  const tileWalk = (y: number, x: number, step: number) => {
    return { height: down, width: right, y, x, stepY: step, stepX: step }
  }
  const xTiles = tables.pixels(x.layout, tileWalk(-operation.before[0], -operation.before[1], stride))
  const outTiles = tables.outputTiles(out.layout, side)
  const residual = operation.residual && map(operation.residual)
  const residualTiles = residual ? tables.pixels(residual.layout, tileWalk(0, 0, side)) : 0
  const curved = isCurved(operation)
  const { low, high } = operation.activation
  const finish = finishAddress(context, { ...linear, low, high })
  push({
    name,
    kernel: 'winograd',
    multiplyAdds: multiplyAddsOf(operation),
    run: (kernels, pictures) =>
      kernels.winograd(
        form,
        x.buffer.address,
        xTiles,
        pictures * tiles,
        block,
        rowBytes,
        pixelBytes,
        planes.address,
        sums.address,
        segments,
        planeRows,
        sumRows,
        zeros,
        weights,
        isLate ? transformed.address : 0,
        biases,
        filters,
        out.buffer.address,
        outTiles,
        out.layout.rowBytes,
        out.layout.pixelBytes,
        residual?.buffer.address ?? 0,
        residualTiles,
        residual?.layout.rowBytes ?? 0,
        residual?.layout.pixelBytes ?? 0,
        finish,
        scratch.address,
      ),
  })
  if (!curved) return
  const offsets = tables.pixels(out.layout, everyPixel(shape))
  const activation = finishAddress(context, operation.activation)
  push({
    name,
    kernel: 'activate',
    run: (kernels, pictures) => {
      const { address } = out.buffer
      const pixels = pictures * areaOf(shape)
      kernels.activate(address, offsets, pixels, shape.channels, address, offsets, activation)
    },
  })
}
