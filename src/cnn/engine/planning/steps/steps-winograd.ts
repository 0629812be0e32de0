import { type Convolution, linear, multiplyAddsOf } from '../../lowering/operations.ts'
import type { Buffer } from '../buffer-plan.ts'
import { type WinogradForm, winogradForm } from '../choose-kernel.ts'
import { roundUp } from '../maps.ts'
import { addUntransformedWeights, addWinogradWeights, paddedFilters } from '../pack-weights.ts'
import { addCurve, epilogueAddress, type StepContext } from '../step.ts'
import { tileSides } from '../winograd-tiles.ts'

/** Transformed weights that take more bytes than this are transformed once a block, since reading them would take longer. */
const LATE_BYTES = 2 ** 21

/**
 * Bytes of the planes of a block of tiles, which stay in the L2 cache while all weights pass. Where weights are transformed
 * once a block, fewer blocks are better, even if their planes come from the L3 cache.
 */
const PLANE_BYTES = 300_000
const LATE_PLANE_BYTES = 2_400_000

/** How a layer is divided into blocks of tiles, and the memory that a block needs. */
export interface WinogradRoom {
  /** Tiles of a block. */
  block: number
  planes: Buffer
  sums: Buffer
  transformed: Buffer
  scratch: Buffer
  /** The fields of `WinogradLayer` from `segments` to `isLate`. */
  fields: number[]
}

/**
 * Plans the blocks of a layer, and its weights.
 *
 * @param tiles of an image
 * @param pixelBytes of the map that is transformed into planes
 */
export function winogradRoom(
  operation: Convolution,
  chosen: WinogradForm,
  tiles: number,
  pixelBytes: number,
  { memory, tables, facts, pictures: most, index }: StepContext,
): WinogradRoom {
  const { tilePixels, winogradPlaneGap: gap, winogradChannels, wide } = facts
  const { planes: planeCount, weightPlanes } = chosen
  const channels = pixelBytes / 4
  const isLate = 4 * weightPlanes * paddedFilters(operation.bias.length, facts) * channels > LATE_BYTES
  const planeBytes = isLate ? LATE_PLANE_BYTES : PLANE_BYTES
  const blocks = Math.max(1, Math.round((tiles * most * planeCount * pixelBytes) / planeBytes))
  const block = roundUp(Math.ceil((tiles * most) / blocks), tilePixels)
  const rows = (bytes: number) => tables.integers(Array.from({ length: block }, (_, i) => i * bytes))
  return {
    block,
    planes: memory.buffer(planeCount * (block * pixelBytes + gap), index),
    sums: memory.buffer(planeCount * (block * wide * 4 + gap), index),
    transformed: memory.buffer(isLate ? weightPlanes * (winogradChannels * wide * 4 + gap) : 0, index),
    scratch: memory.buffer(facts.winogradScratchBytes, index),
    fields: [
      tables.integers(isLate ? [0, winogradChannels, 0, channels % winogradChannels] : [0, channels]),
      rows(pixelBytes),
      rows(wide * 4),
      isLate
        ? addUntransformedWeights(operation, facts, memory)
        : addWinogradWeights(operation, chosen, facts, memory),
      isLate ? 1 : 0,
    ],
  }
}

/** Adds the kernel calls of a convolution that is computed by one of Winograd's forms. */
export function addWinograd(operation: Convolution, context: StepContext): void {
  const { map, memory, tables, facts, index, push } = context
  const { tilePixels, wide } = facts
  const { name, bias } = operation
  const chosen = winogradForm(context.kernels.get(operation)!)!
  const [x, out] = [map(operation.input), map(operation.output)]
  const { shape } = out.layout
  const { rowBytes, pixelBytes } = x.layout
  const panels = paddedFilters(shape.channels, facts)
  const sides = tileSides(shape, chosen.side, chosen.rowsForThree > 0)
  const tiles = sides[0].count * sides[1].count
  const room = winogradRoom(operation, chosen, tiles, pixelBytes, context)
  const { block, planes, sums, transformed, scratch } = room
  const lists = sides.some(({ threes }) => threes > 0)
    ? memory.buffer(3 * 2 * 4 * (block + tilePixels), index)
    : undefined
  const residual = operation.residual && map(operation.residual)
  const { low, high } = operation.activation
  // The fields of `WinogradLayer` in assembly/cnn/winograd/winograd-layer.ts.
  const layer = tables.integers([
    chosen.form,
    block,
    roundUp(shape.channels, 4),
    rowBytes,
    pixelBytes,
    tables.tiles(x.layout, sides, operation),
    tables.outputTiles(out.layout, sides),
    out.layout.rowBytes,
    out.layout.pixelBytes,
    residual ? tables.tiles(residual.layout, sides, undefined, residual.isConstant) : 0,
    residual?.layout.rowBytes ?? 0,
    residual?.layout.pixelBytes ?? 0,
    ...room.fields,
    memory.floats(panels, (to) => to.set(bias), operation.isMutable),
    memory.share('zeros', wide * 4, () => {}),
    epilogueAddress(context, { ...linear, low, high }),
  ])
  push({
    name,
    kernel: 'winograd',
    multiplyAdds: multiplyAddsOf(operation),
    run: (kernels, pictures) =>
      kernels.winograd(
        layer,
        x.buffer.address,
        pictures * tiles,
        out.buffer.address,
        residual?.buffer.address ?? 0,
        planes.address,
        sums.address,
        transformed.address,
        lists?.address ?? 0,
        scratch.address,
      ),
  })
  addCurve(operation, context)
}
