import { accuracy, probeFeatures } from '../../training/feature-probe.ts'
import { featurePipeline } from '../feature-pipeline.ts'
import type { FrozenExtractor } from './frozen-extractor.ts'
import { splitRows } from './held-out-rows.ts'
import { selectImages, type TuningData } from './tuning-data.ts'

/** How much of its accuracy a frozen network may lose on mirror images for these to be shown. */
const MAX_LOST_ACCURACY = 0.05

/**
 * Whether mirror images look like images of the same class: the frozen features of a fifth of the images and of their
 * mirror images, classified by an SVC that was fitted on the other images.
 */
export async function keepsClassWhenMirrored(
  { parts, layers }: Pick<FrozenExtractor<unknown>, 'parts' | 'layers'>,
  data: TuningData,
  { randomState, signal }: { randomState: number; signal: AbortSignal | undefined },
): Promise<boolean> {
  const side = splitForProbe(data, randomState)
  if (!side) return false
  const [train, test] = [selectImages(data, side.train), selectImages(data, side.test)]
  const views = { count: 1, flip: 'always', shift: 0, randomState } as const
  const pipeline = featurePipeline(parts, layers, { views })
  const [mirrored] = await pipeline.run(test.images, { signal }).finally(() => pipeline.close())
  const tests = [test.features, mirrored]
  const [plain, turned] = await probeFeatures(train.features, train.labels, tests, test.labels, signal)
  return accuracy(turned) >= accuracy(plain) - MAX_LOST_ACCURACY
}

function splitForProbe({ labels, groups }: TuningData, randomState: number) {
  try {
    return splitRows(labels, { validation: 0.2, randomState, groups })
  } catch {
    return undefined
  }
}
