import { type Convolution, linear, multiplyAddsOf } from '../../lowering/operations.ts'
import { byteOf, roundUp } from '../maps.ts'
import { paddedFilters } from '../pack-weights.ts'
import { addCurve, epilogueAddress, type StepContext } from '../step.ts'

/** Bytes of the sums of a block of rows: they stay in the L2 cache until they are pixels. */
const SUM_BYTES = 100_000

/** Factors of the even weights of a row in each plane, F(4, 4)'s G, and of the odd ones, F(4, 3)'s. */
const evenPlanes = [
  [-1 / 2, 0, 0, 0],
  [-1 / 3, -1 / 3, -1 / 3, -1 / 3],
  [1 / 9, -1 / 9, 1 / 9, -1 / 9],
  [1 / 36, 1 / 18, 1 / 9, 2 / 9],
  [-1 / 60, 1 / 30, -1 / 15, 2 / 15],
  [32 / 45, 16 / 45, 8 / 45, 4 / 45],
  [0, 0, 0, 1],
]
const oddPlanes = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
]
/** Factors of all 7 weights of a row in each of the 13 planes. */
const planeFactors = [
  ...evenPlanes.map(([a, b, c, d]) => [a, 0, b, 0, c, 0, d]),
  ...oddPlanes.map(([a, b, c]) => [0, a, 0, b, 0, c, 0]),
]

/** Adds the kernel call of a convolution of 7 x 7 with stride 2 and few channels. */
export function addStem(operation: Convolution, context: StepContext): void {
  const { map, memory, tables, facts, index, push } = context
  const { winogradPlaneGap: gap, wide, tilePixels } = facts
  const [x, out] = [map(operation.input), map(operation.output)]
  const { channels } = x.layout.shape
  const { height, width, channels: filters } = out.layout.shape
  const planeCount = planeFactors.length
  const across = Math.ceil(width / 4)
  const block = Math.min(height, Math.max(1, Math.round(SUM_BYTES / (planeCount * across * wide * 4))))
  const columnBytes = (2 * block + 5) * channels * 4
  const planes = memory.buffer(planeCount * (across * columnBytes + 16), index)
  const sums = memory.buffer(planeCount * (across * block * wide * 4 + gap), index)
  const scratch = memory.buffer(facts.stemScratchBytes, index)
  const tiles = Array.from({ length: roundUp(across * block, tilePixels) }, (_, i) => {
    return Math.min(i, across * block - 1)
  })
  const { low, high } = operation.activation
  // The fields of `StemLayer` in assembly/cnn/stem.ts.
  const layer = tables.integers([
    byteOf(x.layout, -operation.before[0], -operation.before[1]),
    x.layout.rowBytes,
    x.layout.pixelBytes,
    x.layout.pictureBytes,
    channels,
    block,
    height,
    width,
    roundUp(filters, 4),
    byteOf(out.layout, 0, 0),
    out.layout.rowBytes,
    out.layout.pixelBytes,
    out.layout.pictureBytes,
    tables.integers(tiles.map((i) => (i % across) * columnBytes + 2 * Math.floor(i / across) * channels * 4)),
    tables.integers(tiles.map((i) => i * wide * 4)),
    tables.integers([0, 7 * channels]),
    addStemWeights(operation, context),
    memory.floats(paddedFilters(filters, facts), (to) => to.set(operation.bias), operation.isMutable),
    memory.share('zeros', wide * 4, () => {}),
    epilogueAddress(context, { ...linear, low, high }),
  ])
  push({
    name: operation.name,
    kernel: 'stem',
    multiplyAdds: multiplyAddsOf(operation),
    run: (kernels, pictures) =>
      kernels.stem(
        layer,
        x.buffer.address,
        pictures,
        out.buffer.address,
        planes.address,
        sums.address,
        gap,
        scratch.address,
      ),
  })
  addCurve(operation, context)
}

/** Transformed weights: [panels][13 planes][7 rows][channels][panel's filters]. Returns the address. */
function addStemWeights(operation: Convolution, { memory, facts }: StepContext): number {
  const { bias, scale, input } = operation
  const { channels } = input.shape
  const depth = 7 * channels
  const padded = paddedFilters(bias.length, facts)
  return memory.floats(
    planeFactors.length * depth * padded,
    (to) => {
      const weights = operation.weights()
      for (let filter = 0; filter < bias.length; filter++) {
        const within = filter % facts.wide
        const first = filter - within
        const width = Math.min(facts.wide, padded - first)
        const factor = scale?.[filter] ?? 1
        for (const [plane, factors] of planeFactors.entries()) {
          for (let row = 0; row < 7; row++) {
            for (let channel = 0; channel < channels; channel++) {
              const from = ((filter * channels + channel) * 7 + row) * 7
              let sum = 0
              for (let column = 0; column < 7; column++) sum += factors[column] * weights[from + column]
              const at = planeFactors.length * depth * first
              to[at + (plane * depth + row * channels + channel) * width + within] = sum * factor
            }
          }
        }
      }
    },
    operation.isMutable,
  )
}
