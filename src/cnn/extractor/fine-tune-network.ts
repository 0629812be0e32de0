import { invalidArgument } from '../../core/errors.ts'
import { checkClasses, checkLabels, encodeLabels } from '../../core/label-codes.ts'
import { type Label, uniqueLabels } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'
import type { ExtractOptions } from '../batching/run-images.ts'
import type { LayerInfo } from '../layers/layer-info.ts'
import { isBetter, isUnclear, type Verdicts, validationOf } from '../training/compared-networks.ts'
import { probeFeatures } from '../training/feature-probe.ts'
import { checkFineTune, type FineTuneOptions, type Tuning } from '../training/fine-tune-options.ts'
import { largest } from '../training/gradient-runner.ts'
import { checkFineTuning } from './check-fine-tuning.ts'
import { type Trained, type TrainingSetup, trainAbove } from './fine-tune.ts'
import { defaultCutMix, defaultEpochs, defaultFrom, trainingsThatFit } from './fine-tune-defaults.ts'
import { type HeldOut, splitAgain, splitRows } from './held-out-rows.ts'
import type { LoadedNetwork } from './load-network.ts'
import { keepsClassWhenMirrored } from './mirror-check.ts'
import { findFrom, learnsFromImages } from './trainable-tail.ts'

/** Greatest number of trainings that each hold out other images. */
const MAX_FOLDS = 4

/** What an extractor lends to its fine-tuning. */
export interface FrozenExtractor<T> {
  parts: LoadedNetwork
  layers: LayerInfo[]
  extract(images: readonly ImageInput[], o: ExtractOptions): Promise<Matrix>
  /** Opens an extractor like this one on other weights, or on its own. */
  open(model: ModelProto | undefined): Promise<T>
}

/**
 * Fine-tunes the network of an extractor and compares it with the frozen one.
 *
 * @returns an extractor on the better of the two, and what was done; if it was trained again on all images, also a
 *   function that opens an extractor on the weights that were compared
 * @throws {SoftmarginError} as `FeatureExtractor.fineTune`
 */
export async function fineTuneNetwork<T extends Pick<FrozenExtractor<T>, 'extract'> & { dispose(): void }>(
  frozen: FrozenExtractor<T>,
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  options: FineTuneOptions,
): Promise<{ extractor: T; tuning: Tuning; compared?: () => Promise<T> }> {
  const began = performance.now()
  const settings = checkFineTune(options)
  const { signal, onProgress } = options
  const { parts } = frozen
  if (!Array.isArray(images)) throw invalidArgument('images', images, 'an array of images')
  checkLabels(labels, images.length, 'labels', 'images')
  checkClasses(uniqueLabels(labels, 'labels'), 'labels')
  if (options.groups !== undefined) checkLabels(options.groups, images.length, 'groups', 'images')
  const asked = options.from === undefined ? undefined : findFrom(parts, options.from)
  checkFineTuning(parts, frozen.layers, asked, labels, settings)

  const unreadable = new Set<number>()
  const { onUnreadable } = options
  const all = await frozen.extract(images, {
    signal,
    onProgress: (p) => onProgress?.({ stage: 'features', ...p }),
    onUnreadable:
      onUnreadable &&
      ((index, error) => {
        unreadable.add(index)
        onUnreadable(index, error)
      }),
  })
  const read = [...images.keys()].filter((i) => !unreadable.has(i))
  const y = read.map((i) => labels[i])
  const groups = options.groups && read.map((i) => options.groups![i])
  const split = { validation: settings.validation, randomState: settings.randomState, groups }
  const rows = splitRows(y, split)
  const imagesOf = (side: Int32Array) => Array.from(side, (row) => images[read[row]])
  const labelsOf = (side: Int32Array) => Array.from(side, (row) => y[row])
  const [trainImages, trainLabels] = [imagesOf(rows.train), labelsOf(rows.train)]
  const features = all.select(rows.train)
  const classes = uniqueLabels(trainLabels).length
  const from = asked ?? defaultFrom(parts, frozen.layers, trainImages.length, classes)
  const flip =
    settings.augment.flip ??
    (await keepsClassWhenMirrored(
      parts,
      trainImages,
      { labels: trainLabels, groups: groups && Array.from(rows.train, (row) => groups[row]) },
      features,
      settings,
      signal,
    ))
  const { cutMix: askedMix } = settings.augment
  const isWhole = learnsFromImages(parts, from)
  const suitsMix = isWhole && flip && !settings.reset
  const mayMix = askedMix === undefined ? suitsMix : isWhole && askedMix > 0
  const epochs =
    settings.seconds === undefined
      ? (settings.epochs ?? defaultEpochs(parts, from, trainImages.length, mayMix))
      : undefined
  const cutMix = mayMix ? (askedMix ?? defaultCutMix(epochs)) : 0
  const mayRefit = settings.refit && rows.test.length > 0
  const { seconds } = settings
  const timeOf = (share: number) => (seconds === undefined ? undefined : began + 1000 * seconds * share)
  const setup: TrainingSetup = {
    images: mayRefit ? read.map((i) => images[i]) : trainImages,
    from,
    flip,
    cutMix,
    settings: {
      ...settings,
      epochs,
    },
  }
  const trained = await trainAbove(
    parts,
    setup,
    {
      ...{ labels: trainLabels, features },
      rows: mayRefit ? rows.train : Int32Array.from(trainLabels.keys()),
      deadline: timeOf(mayRefit ? rows.train.length / (rows.train.length + read.length) : 1),
    },
    options,
  )
  const { data } = trained
  const compared = () => frozen.open(trained.model)
  const tuned = await compared()
  try {
    const tuning = tuningOf(trained, flip)
    if (rows.test.length === 0) return { extractor: tuned, tuning }
    const verdictsOn = async ({ train, test }: HeldOut, trained: Trained, tuned: T): Promise<Verdicts> => {
      const own = await tuned.extract(imagesOf(Int32Array.from(y.keys())), { signal })
      const [labels, testLabels] = [labelsOf(train), labelsOf(test)]
      const probe = async (X: Matrix) => {
        const [isCorrect] = await probeFeatures(X.select(train), labels, [X.select(test)], testLabels, signal)
        return isCorrect
      }
      const softmax = isHeadCorrect(trained, own.select(test), labels, testLabels)
      return { frozen: await probe(all), tuned: await probe(own), softmax }
    }
    const folds = [{ ...rows, verdicts: await verdictsOn(rows, trained, tuned) }]
    const validationSoFar = () =>
      validationOf(
        folds.map(({ verdicts }) => verdicts),
        Array.from(rows.test, (row) => read[row]),
      )
    // The refit is a training as well.
    const trainings = epochs === undefined ? 0 : trainingsThatFit(parts, from, read.length, epochs) - 1
    while (mayRefit && folds.length < Math.min(MAX_FOLDS, trainings) && isUnclear(validationSoFar())) {
      const next = splitAgain(y, folds, split)
      if (!next) break
      const task = { rows: next.train, labels: labelsOf(next.train), features: all.select(next.train), data }
      const other = await trainAbove(
        parts,
        setup,
        { ...task, deadline: undefined },
        {
          signal,
          onProgress: onProgress && ((p) => onProgress({ ...p, stage: 'validation' })),
        },
      )
      const opened = await frozen.open(other.model)
      try {
        folds.push({ ...next, verdicts: await verdictsOn(next, other, opened) })
      } finally {
        opened.dispose()
      }
    }
    const validation = validationSoFar()
    const kept = isBetter(validation)
    if (kept && !mayRefit) return { extractor: tuned, tuning: { ...tuning, validation } }
    if (!kept) {
      const extractor = await frozen.open(undefined)
      tuned.dispose()
      return { extractor, tuning: { ...tuning, kept, validation } }
    }
    const again = await trainAbove(
      parts,
      setup,
      { rows: Int32Array.from(y.keys()), labels: y, features: all, deadline: timeOf(1), data },
      {
        signal,
        onProgress: onProgress && ((p) => onProgress({ ...p, stage: 'refit' })),
      },
    )
    const extractor = await frozen.open(again.model)
    tuned.dispose()
    return { extractor, tuning: { ...tuningOf(again, flip), refit: true, validation }, compared }
  } catch (error) {
    tuned.dispose()
    throw error
  }
}

function tuningOf({ from, runtime, report }: Trained, flip: boolean): Tuning {
  return { kept: true, refit: false, from, runtime, ...report, flip }
}

/** Which rows the softmax head labels correctly. */
function isHeadCorrect(
  { head }: Trained,
  features: Matrix,
  trainLabels: Label[],
  labels: Label[],
): boolean[] {
  const { classes } = encodeLabels(trainLabels)
  const { weight, bias, featureScale } = head
  // Features of the frozen network may follow.
  const own = weight.length / classes.length
  return labels.map((label, row) => {
    const x = features.row(row)
    const logits = Float32Array.from(classes, (_, k) => {
      let sum = 0
      for (let i = 0; i < own; i++) sum += x[i] * weight[k * own + i]
      return sum * featureScale + bias[k]
    })
    return classes[largest(logits)] === label
  })
}
