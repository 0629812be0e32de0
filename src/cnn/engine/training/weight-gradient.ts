import type { Convolution, MapValue } from '../lowering/operations.ts'
import type { Sums } from '../planning/buffer-plan.ts'
import { type ConvolutionKernel, type WinogradForm, winogradForm } from '../planning/choose-kernel.ts'
import { roundUp } from '../planning/maps.ts'
import { borderOf } from '../planning/plan.ts'
import { areaOf, type CustomOperation, type StepContext } from '../planning/step.ts'
import { everyPixel, tapOffsets, windowCorners } from '../planning/tables.ts'
import { tileSides } from '../planning/winograd-tiles.ts'
import type { Instance } from '../wasm/instance.ts'

/** The gradient of the weights and the bias of a convolution, which is added to the plan's sums. */
export interface WeightGradient extends CustomOperation {
  /**
   * Adds the sums, times a factor, to the gradients of the parameters.
   *
   * @param distance from the plan's sums to those that are read
   * @param staging address of the memory that `MemoryPlan.stage` reserves
   */
  collect(instance: Instance, distance: number, staging: number, factor: number): void
}

/** Where the sums lie: of the weights, for each group, rows of `row` numbers, one a filter; of the bias, a row. */
interface GradientSums {
  weights: Sums
  bias: Sums
  row: number
  /** Numbers from one channel, tap or group to the next. */
  channelStep: number
  tapStep: number
  groupStep: number
}

/** Pixels whose gradients are packed side by side: a quarter of the first-level cache. */
const BLOCK = 128

/** Bytes of the transformed planes of a block of tiles, which share the second-level cache with the products. */
const PLANE_BYTES = 600_000
/** The least number of tiles in a block, so that transforming their products takes little of the time. */
const LEAST_TILES = 32

/** @param dy the gradient of the convolution's sums */
export function weightGradient(convolution: Convolution, dy: MapValue): WeightGradient {
  const { input, bias, groups, kernel } = convolution
  const kind = kernelOf(convolution)
  const filters = bias.length / groups
  const channels = input.shape.channels / groups
  const taps = kernel[0] * kernel[1]
  const length = filters * channels * taps
  let sums: GradientSums
  return {
    type: 'custom',
    name: `weights of ${convolution.name}`,
    reads: [input, dy],
    window: { value: input, border: borderOf(convolution, kind), readsNumbers: kind === 'dense' },
    addSteps: (context) => {
      const { memory, facts } = context
      const row = kind === 'depthwise' ? roundUp(bias.length, 4) : roundUp(filters, facts.outer)
      const weights = memory.sums(taps * channels * groups * row)
      memory.stage(4 * groups * length)
      const steps = winogradForm(kind)
        ? { channelStep: taps * row, tapStep: row }
        : { channelStep: row, tapStep: channels * row }
      const groupStep = kind === 'depthwise' ? 1 : taps * channels * row
      sums = { weights, bias: memory.sums(roundUp(bias.length, 4)), row, ...steps, groupStep }
      addBiasSums(convolution, dy, sums, context)
      if (kind === 'depthwise') addDepthwise(convolution, dy, sums, context)
      else if (kind === 'dense') addDense(convolution, dy, sums, context)
      else addWinograd(convolution, winogradForm(kind)!, dy, sums, context)
    },
    collect: ({ kernels, memory }, distance, staging, factor) => {
      const biases = new Float32Array(memory, sums.bias.address + distance, bias.length).map(
        (sum) => sum * factor,
      )
      const { channelStep, tapStep, groupStep } = sums
      for (let group = 0; group < groups; group++) {
        const from = sums.weights.address + distance + 4 * group * groupStep
        const to = staging + 4 * group * length
        kernels.unpackGradient(from, 4 * channelStep, 4 * tapStep, filters, channels, taps, factor, to)
      }
      const weights = new Float32Array(memory, staging, groups * length)
      convolution.trainable!.pull(weights, biases)
    },
  }
}

/** The kernel that computes the gradient: that of the convolution where the two have one in common. */
function kernelOf({ groups, kernel, strides, dilations, input, bias }: Convolution): ConvolutionKernel {
  const { channels, height, width } = input.shape
  if (groups > 1 && groups === channels && bias.length === channels) return 'depthwise'
  const isPlain = groups === 1 && kernel.join() === '3,3' && dilations.every((n) => n === 1)
  const form = ({ '1,1': 'winograd4', '2,2': 'strided4' } as const)[strides.join()]
  // The transforms cost as much as they save where there are few channels or pixels.
  const isLarge = channels >= 16 && bias.length >= 16 && height * width >= 16
  return form && isPlain && channels % 4 === 0 && isLarge ? form : 'dense'
}

function addBiasSums(
  { name }: Convolution,
  dy: MapValue,
  sums: GradientSums,
  { map, tables, push }: StepContext,
): void {
  const gradient = map(dy)
  const offsets = tables.pixels(gradient.layout, everyPixel(dy.shape))
  const area = areaOf(dy.shape)
  const channels = roundUp(dy.shape.channels, 4)
  push({
    name: `bias of ${name}`,
    kernel: 'channelSums',
    run: (kernels, pictures) =>
      kernels.channelSums(gradient.buffer.address, offsets, pictures * area, channels, sums.bias.address),
  })
}

function addDepthwise(
  operation: Convolution,
  dy: MapValue,
  sums: GradientSums,
  { map, tables, push }: StepContext,
): void {
  const { kernel, dilations, name } = operation
  const [x, gradient] = [map(operation.input), map(dy)]
  const taps = tapOffsets(kernel, dilations, x.layout)
  const tapTable = tables.integers(taps)
  const from = tables.pixels(x.layout, windowCorners(operation, dy.shape))
  const dyTable = tables.pixels(gradient.layout, everyPixel(dy.shape))
  const area = areaOf(dy.shape)
  push({
    name: `weights of ${name}`,
    kernel: 'depthwiseGradient',
    run: (kernels, pictures) =>
      kernels.depthwiseGradient(
        x.buffer.address,
        from,
        pictures * area,
        tapTable,
        taps.length,
        sums.row,
        gradient.buffer.address,
        dyTable,
        sums.weights.address,
      ),
  })
}

function addDense(operation: Convolution, dy: MapValue, sums: GradientSums, context: StepContext): void {
  const { map, memory, tables, facts, index, push } = context
  const { kernel, dilations, groups, bias, name } = operation
  const [x, gradient] = [map(operation.input), map(dy)]
  const { pixelBytes } = x.layout
  const filters = bias.length / groups
  const channels = x.layout.shape.channels / groups
  // If the pixels of a window row are contiguous in memory, the whole row counts as one tap.
  const isJoined = groups === 1 && dilations[1] === 1 && pixelBytes === 4 * channels
  const taps = tapOffsets([kernel[0], isJoined ? 1 : kernel[1]], dilations, x.layout)
  const tapTable = tables.integers(taps)
  const tapChannels = isJoined ? kernel[1] * channels : channels
  const from = tables.pixels(x.layout, windowCorners(operation, dy.shape))
  const dyTable = tables.pixels(gradient.layout, everyPixel(dy.shape))
  const packed = memory.buffer(BLOCK * facts.outer * 4, index)
  const area = areaOf(dy.shape)
  push({
    name: `weights of ${name}`,
    kernel: 'weightGradient',
    run: (kernels, pictures) => {
      for (let group = 0; group < groups; group++) {
        kernels.weightGradient(
          x.buffer.address + 4 * group * channels,
          from,
          pictures * area,
          BLOCK,
          tapTable,
          taps.length,
          tapChannels,
          gradient.buffer.address + 4 * group * filters,
          dyTable,
          filters,
          sums.weights.address + 4 * group * sums.groupStep,
          4 * sums.row,
          packed.address,
        )
      }
    },
  })
}

function addWinograd(
  operation: Convolution,
  chosen: WinogradForm,
  dy: MapValue,
  sums: GradientSums,
  context: StepContext,
): void {
  const { map, memory, tables, facts, pictures: most, index, push } = context
  const { name, bias } = operation
  const { form, side, planes: planeCount, weightPlanes } = chosen
  const gap = facts.winogradPlaneGap
  const [x, gradient] = [map(operation.input), map(dy)]
  const { rowBytes, pixelBytes } = x.layout
  const channels = pixelBytes / 4
  const sides = tileSides(dy.shape, side, false)
  const tiles = sides[0].count * sides[1].count
  const fitting = Math.floor(PLANE_BYTES / (4 * planeCount * (channels + sums.row)))
  const block = roundUp(Math.min(tiles * most, Math.max(LEAST_TILES, fitting)), facts.tilePixels)
  const planes = memory.buffer(planeCount * (block * pixelBytes + gap), index)
  const dyPlanes = memory.buffer(planeCount * (block * sums.row * 4 + gap), index)
  const products = memory.buffer(weightPlanes * (facts.winogradChannels * facts.outer * 4 + gap), index)
  const scratch = memory.buffer(facts.winogradScratchBytes, index)
  // The fields of `WinogradLayer` in assembly/cnn/winograd/winograd-layer.ts, up to the last one that is used.
  const layer = tables.integers([
    form,
    block,
    roundUp(bias.length, 4),
    rowBytes,
    pixelBytes,
    tables.tiles(x.layout, sides, operation),
    tables.outputTiles(gradient.layout, sides),
    gradient.layout.rowBytes,
    gradient.layout.pixelBytes,
    ...[0, 0, 0, 0],
    tables.integers(Array.from({ length: block }, (_, i) => i * pixelBytes)),
  ])
  push({
    name: `weights of ${name}`,
    kernel: 'winogradGradient',
    run: (kernels, pictures) =>
      kernels.winogradGradient(
        layer,
        x.buffer.address,
        pictures * tiles,
        gradient.buffer.address,
        sums.weights.address,
        4 * sums.row,
        planes.address,
        dyPlanes.address,
        products.address,
        scratch.address,
      ),
  })
}
