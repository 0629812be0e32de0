import type { Label } from '../../../core/labels.ts'
import type { ImageInput } from '../../../image/image-input.ts'
import { isBetter, isUnclear } from '../../training/compared-networks.ts'
import {
  checkFineTune,
  type FineTuneOptions,
  type FineTuneProgress,
  type Tuning,
} from '../../training/fine-tune-options.ts'
import { checkFineTuning } from './check-fine-tuning.ts'
import { type Trained, type TrainingSetup, type TrainingTask, trainAbove } from './fine-tune.ts'
import { trainingsThatFit } from './fine-tune-defaults.ts'
import type { FrozenExtractor, OpenedExtractor } from './frozen-extractor.ts'
import { HeldOutComparison } from './held-out-comparison.ts'
import { splitAgain, splitRows } from './held-out-rows.ts'
import { findFrom } from './trainable-tail.ts'
import { checkTuningData, readTuningData, selectImages } from './tuning-data.ts'
import { planTuning } from './tuning-plan.ts'

/** Greatest number of trainings that each hold out other images. */
const MAX_FOLDS = 4

/**
 * Fine-tunes the network of an extractor and compares it with the frozen one.
 *
 * @returns an extractor on the better of the two, and what was done; if it was trained again on all images, also a
 *   function that opens an extractor on the weights that were compared
 * @throws {SoftmarginError} as `FeatureExtractor.fineTune`
 */
export async function fineTuneNetwork<T extends OpenedExtractor>(
  frozen: FrozenExtractor<T>,
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  options: FineTuneOptions,
): Promise<{ extractor: T; tuning: Tuning; compared?: () => Promise<T> }> {
  const began = performance.now()
  const settings = checkFineTune(options)
  const { signal } = options
  const { parts } = frozen
  const onProgress = (progress: FineTuneProgress) => {
    // Trainings have networks of their own, which would go on.
    frozen.checkAlive()
    options.onProgress?.(progress)
  }
  checkTuningData(images, labels, options.groups)
  const asked = options.from === undefined ? undefined : findFrom(parts, options.from)
  checkFineTuning(parts, frozen.layers, asked, labels, settings)

  const all = await readTuningData(frozen, images, labels, { ...options, onProgress })
  const { validation: share, randomState, seconds } = settings
  const split = { validation: share, randomState, groups: all.groups }
  const rows = splitRows(all.labels, split)
  const learnt = selectImages(all, rows.train)
  const plan = await planTuning(frozen, learnt, asked, settings, signal)

  const mayRefit = settings.refit && rows.test.length > 0
  const { epochs, ...changes } = plan
  const setup: TrainingSetup = {
    images: mayRefit ? all.images : learnt.images,
    ...changes,
    settings: { ...settings, epochs },
  }
  const train = (task: TrainingTask, stage?: FineTuneProgress['stage']) =>
    trainAbove(parts, setup, task, { signal, onProgress: (p) => onProgress(stage ? { ...p, stage } : p) })
  const timeOf = (part: number) => (seconds === undefined ? undefined : began + 1000 * seconds * part)

  const firstRows = mayRefit ? rows.train : Int32Array.from(rows.train.keys())
  const firstPart = mayRefit ? firstRows.length / (firstRows.length + all.images.length) : 1
  const first = await train({ ...learnt, rows: firstRows, deadline: timeOf(firstPart) })
  const { data } = first
  const compared = () => frozen.open(first.model)
  const tuned = await compared()
  try {
    const tuning = tuningOf(first, plan.flip)
    if (rows.test.length === 0) return { extractor: tuned, tuning }
    const comparison = new HeldOutComparison(all, signal)
    await comparison.add(rows, first, tuned)
    // The refit is a training as well.
    const fits = epochs === undefined ? 0 : trainingsThatFit(parts, plan.from, all.images.length, epochs) - 1
    const mostFolds = mayRefit ? Math.min(MAX_FOLDS, fits) : 1
    while (comparison.folds.length < mostFolds && isUnclear(comparison.validation())) {
      const held = splitAgain(all.labels, comparison.folds, split)
      if (!held) break
      const task = { ...selectImages(all, held.train), rows: held.train, deadline: undefined, data }
      const other = await train(task, 'validation')
      const opened = await frozen.open(other.model)
      try {
        await comparison.add(held, other, opened)
      } finally {
        opened.dispose()
      }
    }
    const validation = comparison.validation()
    const kept = isBetter(validation)
    if (kept && !mayRefit) return { extractor: tuned, tuning: { ...tuning, validation } }
    if (!kept) {
      const extractor = await frozen.open(undefined)
      tuned.dispose()
      return { extractor, tuning: { ...tuning, kept, validation } }
    }
    const everyRow = Int32Array.from(all.labels.keys())
    const again = await train({ ...all, rows: everyRow, deadline: timeOf(1), data }, 'refit')
    // If time ran out, it has learnt less than what was compared.
    if (again.report.epochs < first.report.epochs / 2)
      return { extractor: tuned, tuning: { ...tuning, validation } }
    const extractor = await frozen.open(again.model)
    tuned.dispose()
    return { extractor, tuning: { ...tuningOf(again, plan.flip), refit: true, validation }, compared }
  } catch (error) {
    tuned.dispose()
    throw error
  }
}

function tuningOf({ from, runtime, report }: Trained, flip: boolean): Tuning {
  return { kept: true, refit: false, from, runtime, ...report, flip }
}
