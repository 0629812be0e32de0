import { uniqueLabels } from '../../../core/labels.ts'
import type { Settings } from '../../training/fine-tune-options.ts'
import { defaultCutMix, defaultEpochs, defaultFrom } from './fine-tune-defaults.ts'
import type { FrozenExtractor } from './frozen-extractor.ts'
import { keepsClassWhenMirrored } from './mirror-check.ts'
import { learnsFromImages } from './trainable-tail.ts'
import type { TuningData } from './tuning-data.ts'

/** What is trained, and how images are changed: the caller's choices, or defaults by what there is to learn from. */
export interface TuningPlan {
  /** The layer above which the network is trained. */
  from: string
  flip: boolean
  /** Share of the batches to which CutMix is applied: 0 unless the images themselves are learnt from. */
  cutMix: number
  /** `undefined` if time decides. */
  epochs: number | undefined
}

/**
 * @param learnt what the first training learns from
 * @param asked the layer of the option `from`
 * @throws {SoftmarginError} `ABORTED`
 */
export async function planTuning(
  frozen: Pick<FrozenExtractor<unknown>, 'parts' | 'layers'>,
  learnt: TuningData,
  asked: string | undefined,
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<TuningPlan> {
  const { parts, layers } = frozen
  const { augment, randomState, reset, seconds } = settings
  const count = learnt.images.length
  const from = asked ?? defaultFrom(parts, layers, count, uniqueLabels(learnt.labels).length)
  const flip = augment.flip ?? (await keepsClassWhenMirrored(frozen, learnt, { randomState, signal }))
  const isWhole = learnsFromImages(parts, from)
  const mayMix = augment.cutMix === undefined ? isWhole && flip && !reset : isWhole && augment.cutMix > 0
  const epochs =
    seconds === undefined ? (settings.epochs ?? defaultEpochs(parts, from, count, mayMix)) : undefined
  const cutMix = mayMix ? (augment.cutMix ?? defaultCutMix(epochs)) : 0
  return { from, flip, cutMix, epochs }
}
