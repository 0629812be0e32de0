import type { Label } from '../../../core/labels.ts'
import { Matrix } from '../../../core/matrix.ts'
import type { ImageInput } from '../../../image/image-input.ts'
import { outputSize } from '../../../image/preprocess.ts'
import { applyView } from '../../augmentation/augment.ts'
import { pool, pooledSize } from '../../pool.ts'
import { forEachDecodedBatch } from '../../training/decoded-images.ts'
import { accuracy, probeFeatures } from '../../training/feature-probe.ts'
import type { Settings } from '../../training/fine-tune-options.ts'
import type { LoadedNetwork } from '../load-network.ts'
import { splitRows } from './held-out-rows.ts'

/** How much of its accuracy a frozen network may lose on mirror images for these to be shown. */
const MAX_LOST_ACCURACY = 0.05

/**
 * Whether mirror images look like images of the same class: the frozen features of a fifth of the images and of their
 * mirror images, classified by an SVC that was fitted on the other images.
 */
export async function keepsClassWhenMirrored(
  parts: LoadedNetwork,
  images: readonly ImageInput[],
  { labels, groups }: { labels: Label[]; groups: Label[] | undefined },
  features: Matrix,
  { randomState }: Settings,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const side = splitForProbe(labels, randomState, groups)
  if (!side) return false
  const pick = (rows: Int32Array) => Array.from(rows, (row) => labels[row])
  const mirrored = await mirroredFeatures(
    parts,
    Array.from(side.test, (row) => images[row]),
    signal,
  )
  const [plain, turned] = await probeFeatures(
    features.select(side.train),
    pick(side.train),
    [features.select(side.test), mirrored],
    pick(side.test),
    signal,
  )
  return accuracy(turned) >= accuracy(plain) - MAX_LOST_ACCURACY
}

function splitForProbe(labels: Label[], randomState: number, groups: Label[] | undefined) {
  try {
    return splitRows(labels, { validation: 0.2, randomState, groups })
  } catch {
    return undefined
  }
}

async function mirroredFeatures(
  { session, port, preprocess, pooling, layer, dims, arrangement }: LoadedNetwork,
  images: readonly ImageInput[],
  signal: AbortSignal | undefined,
) {
  const { width, height } = outputSize(preprocess)
  const channels = preprocess.mean.length
  const length = channels * height * width
  const cols = pooledSize(pooling, dims, arrangement)
  const found = new Matrix(new Float32Array(images.length * cols), images.length, cols)
  const batchSize = port.batch ?? 8
  const batch = new Float32Array(batchSize * length)
  await forEachDecodedBatch(images, preprocess, { batchSize, signal }, async (tensors, first, count) => {
    for (let i = 0; i < count; i++) {
      const image = tensors.subarray(i * length, (i + 1) * length)
      const size = { channels, height, width }
      applyView(image, batch.subarray(i * length), size, { flip: true, down: 0, right: 0 })
    }
    // A model with a fixed batch size gets a full batch; the surplus images are old data, and their results are ignored.
    const used = port.batch ?? count
    const answers = await session.run(port.name, batch.subarray(0, used * length), [
      used,
      channels,
      height,
      width,
    ])
    pool(answers.get(layer.name)!, pooling, count, found.data.subarray(first * cols), arrangement)
  })
  return found
}
