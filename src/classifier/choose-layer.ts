import type { ExtractOptions } from '../cnn/batching/run-images.ts'
import { type ExtractorOptions, FeatureExtractor, type LayerChoice } from '../cnn/extractor/extractor.ts'
import { noteUnreadable } from '../cnn/extractor/unreadable-images.ts'
import type { LayerInfo } from '../cnn/layers/layer-info.ts'
import type { Pooling } from '../cnn/pool.ts'
import type { LongCall, Progress } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import type { Fold, Splitter } from '../core/folds.ts'
import { checkLabels } from '../core/label-codes.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import { accuracyScore } from '../metrics/metrics.ts'
import { meanOf } from '../model-selection/clearly-best.ts'
import { crossValidate } from '../model-selection/cross-validate.ts'
import { splitRows } from '../model-selection/splits/splitter.ts'
import { StratifiedGroupKFold } from '../model-selection/splits/stratified-group-k-fold.ts'
import { StratifiedKFold } from '../model-selection/splits/stratified-k-fold.ts'
import { JoinedLayers } from '../store/feature-source.ts'
import type { FeatureStore } from '../store/feature-store.ts'
import { SVC, type SvcOptions } from '../svm/svc.ts'
import { withDefaultC } from './check-options.ts'
import { checkClassWeight, checkFeatureKernel } from './check-svm.ts'
import { checkImages, type ImagesCall, type Scale } from './classifier-options.ts'

/** Progress of `chooseLayer`: stage `'features'` counts images, stage `'svm'` counts SVM fits. */
export interface ChooseLayerProgress extends Progress {
  stage: 'features' | 'svm'
}

/** Options of `chooseLayer`. */
export interface ChooseLayerOptions
  extends LongCall<ChooseLayerProgress>,
    Pick<ImagesCall, 'batchSize' | 'onUnreadable'> {
  /**
   * A feature extractor, which the caller must dispose of, or the options to create one. Default: the bundled
   * CNN.
   */
  extractor?: FeatureExtractor | ExtractorOptions | undefined
  /**
   * Candidate layers, each in the form of the extractor's `layer` option. Default: the last layer of each
   * stage (`LayerInfo.endsStage`) and the default layer.
   */
  layers?: readonly (string | number)[] | undefined
  /**
   * Poolings to try on each layer. Layers without height and width are used without pooling. Default
   * `'average'` and `{ grid: 2 }` for maps; `'average'` and `'cls'` for tokens, if there is a class token.
   */
  poolings?: readonly Pooling[] | undefined
  /** The SVM that is cross-validated on each candidate. Default: an `SVC` with `C: 3`, as in `ImageClassifier`. */
  svm?: SVC | SvcOptions | undefined
  /** How features are scaled. The scaler is fitted on the training part of each fold. Default `'standard'`. */
  scale?: Scale | undefined
  /**
   * Number of stratified folds, or a splitter. With a number and at most 400 images, the cross-validation is
   * repeated with four different splits. Default 5.
   */
  cv?: number | Splitter | undefined
  /** The group of each image, which no fold divides; see `ClassifierFitOptions.groups`. Default: no groups. */
  groups?: ArrayLike<Label> | undefined
  /** Store that keeps the features of all candidates together, so that no image is extracted twice. */
  store?: FeatureStore | undefined
}

/** A layer and pooling with the cross-validated accuracy of an SVM on their features. */
export interface RankedLayer {
  /** Name of the layer's tensor. */
  layer: string
  pooling: Pooling
  /** Mean accuracy over the folds: the fraction of images labelled correctly, 0 to 1. */
  accuracy: number
  /** Standard deviation of the accuracy over all folds, those of repetitions included. */
  accuracyStd: number
  /** How much higher the accuracy is than that of the first candidate on the extractor's default layer, if there is one. */
  gain?: number | undefined
  /** The standard error of `gain`, from the differences between images. */
  gainError?: number | undefined
  /** Number of features per image. */
  features: number
  /** Fraction of the network's multiply-adds needed to compute the layer, as in `LayerInfo.share`. */
  share: number | undefined
}

/**
 * A ranking with the features it was computed from, so that fitting on the best layer needs no second
 * extraction.
 */
export interface Ranking {
  /** Candidates by accuracy, best first; a caller may still prefer the default layer. */
  layers: RankedLayer[]
  /** The features of each candidate, in the order of `layers`. */
  features: Matrix[]
  /** Indices of the images that could be read, one per row of features. */
  read: number[]
  /** With a store: the key of each row, and the joined layers that the store holds. */
  keys?: string[] | undefined
  joined?: JoinedLayers | undefined
}

/**
 * Finds the layer and pooling whose features suit a task best by cross-validating an SVM on each candidate.
 *
 * The features of all candidates are extracted in one pass over the images.
 *
 * @param images images in any mix of types and sizes
 * @param labels one label per image
 * @returns one entry per candidate, most accurate first; ties are broken by the fewest multiply-adds, then by
 *   the fewest features
 * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `ONE_CLASS`, `TOO_FEW_ROWS` if a class has fewer
 *   images than there are folds, `LAYER_NOT_FOUND`, `INVALID_ARGUMENT`, `NOT_FINITE`, `OUT_OF_MEMORY`,
 *   `ABORTED`, and the errors of `FeatureExtractor.create` and `extract`
 */
export async function chooseLayer(
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  options: ChooseLayerOptions = {},
): Promise<RankedLayer[]> {
  return (await rankLayers(images, labels, options)).layers
}

/** Like `chooseLayer`, but also returns the features of each candidate. */
export async function rankLayers(
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  options: ChooseLayerOptions = {},
): Promise<Ranking> {
  const { cv = 5, svm = {}, groups, scale = 'standard', signal, onProgress } = options
  checkImages(images)
  checkLabels(labels, images.length, 'labels', 'images')
  // Feature extraction is expensive, so validate everything that can be validated before it.
  await splitRows(cv, images, labels, groups)
  const given = withDefaultC(svm)
  const template = given instanceof SVC ? given : new SVC(given)
  checkFeatureKernel(template)
  checkClassWeight(template, labels)
  const source = options.extractor
  const extractor = source instanceof FeatureExtractor ? source : await FeatureExtractor.create(source)
  try {
    const { choices, infos } = candidates(extractor, options)
    const { features, ...rest } = await extract(extractor, images, choices, options, labels)
    const { read } = rest
    const y = read.map((i) => labels[i])
    const folds = await repeatedFolds(cv, y, groups && read.map((i) => groups[i]))
    const judged: JudgedLayer[] = []
    for (const [i, matrix] of features.entries()) {
      const right = new Float64Array(y.length)
      const tested = new Float64Array(y.length)
      const scores: number[] = []
      await crossValidate(matrix, y, folds, {
        scale,
        signal,
        estimatorsOf: () => [template.clone({ probability: false })],
        judge: async ({ svc, XTest, yTest, test }) => {
          const predicted = await svc.predict(XTest, { signal })
          for (const [at, row] of test.entries()) {
            tested[row]++
            if (predicted[at] === yTest[at]) right[row]++
          }
          scores.push(accuracyScore(yTest, predicted))
          const done = i * folds.length + scores.length
          onProgress?.({ stage: 'svm', done, total: features.length * folds.length })
        },
      })
      judged.push({ scores, right: right.map((count, row) => count / tested[row]) })
    }
    const reference = infos.findIndex(({ isDefault }) => isDefault)
    const rows = features.map((matrix, i) => ({
      features: matrix,
      ranked: {
        layer: infos[i].name,
        pooling: choices[i].pooling!,
        ...meanAndDeviation(judged[i].scores),
        ...(reference < 0 ? {} : gainOver(judged[reference], judged[i])),
        features: matrix.cols,
        share: infos[i].share,
      },
    }))
    rows.sort((a, b) => compare(a.ranked, b.ranked))
    return { layers: rows.map(({ ranked }) => ranked), features: rows.map((row) => row.features), ...rest }
  } finally {
    if (extractor !== source) extractor.dispose()
  }
}

/** All combinations of a layer with a pooling that applies to it. */
function candidates(extractor: FeatureExtractor, options: ChooseLayerOptions) {
  const all = extractor.layers()
  const { poolings = [], layers } = options
  if (options.poolings !== undefined && (!Array.isArray(poolings) || poolings.length === 0)) {
    throw invalidArgument('poolings', poolings, 'an array of at least one pooling')
  }
  if (layers !== undefined && (!Array.isArray(layers) || layers.length === 0)) {
    throw invalidArgument('layers', layers, 'an array of at least one layer')
  }
  const chosen =
    layers?.map((wanted, i) => extractor.findLayer(wanted, `layers[${i}]`)) ??
    all.filter(({ endsStage, isDefault }) => endsStage || isDefault)
  const choices: LayerChoice[] = []
  const infos: LayerInfo[] = []
  for (const info of new Map(chosen.map((one) => [one.name, one])).values()) {
    for (const pooling of possiblePoolings(info, poolings)) {
      choices.push({ layer: info.name, pooling })
      infos.push(info)
    }
  }
  return { choices, infos }
}

/** The poolings that a layer allows: those asked for, or by default the usual ones. */
function possiblePoolings({ shape, prefixTokens }: LayerInfo, asked: readonly Pooling[]): readonly Pooling[] {
  if (shape?.length === 2) return asked.length > 0 ? asked : prefixTokens ? ['average', 'cls'] : ['average']
  // If the layer's rank is unknown, an unsuitable pooling is only detected when the network runs.
  if (shape && shape.length !== 3) return ['none']
  return asked.length > 0 ? asked : ['average', { grid: 2 }]
}

async function extract(
  extractor: FeatureExtractor,
  images: readonly ImageInput[],
  choices: readonly LayerChoice[],
  { batchSize, signal, onProgress, onUnreadable, store }: ChooseLayerOptions,
  labels: ArrayLike<Label>,
): Promise<Omit<Ranking, 'layers'>> {
  const noted = noteUnreadable(onUnreadable)
  const call: ExtractOptions = {
    batchSize,
    signal,
    onProgress: (p) => onProgress?.({ stage: 'features', ...p }),
    onUnreadable: noted.onUnreadable,
  }
  if (!store)
    return { features: await extractor.extractLayers(images, choices, call), read: noted.readable(images) }
  const joined = new JoinedLayers(extractor, choices)
  const keys = await store.keep(joined, images, { ...call, labels })
  const { preprocess, parts = [] } = await joined.signature()
  const features = parts.map((part) => store.featuresOf(keys, { ...part, preprocess }))
  return { features, keys, joined, read: noted.readable(images) }
}

/** What cross-validation found for a layer. */
interface JudgedLayer {
  scores: number[]
  /** For each image, the share of the folds' predictions that were right. */
  right: Float64Array
}

/** Images up to which folds are dealt several times, and how often. */
const FEW = 400
const REPEATS = 4

/** The folds of `cv`; where it is a number and images are few, followed by folds of other deals. */
async function repeatedFolds(
  cv: number | Splitter,
  y: readonly Label[],
  groups: readonly Label[] | undefined,
): Promise<Fold[]> {
  const first = await splitRows(cv, y, y, groups)
  if (typeof cv !== 'number' || y.length > FEW) return first
  const others = Array.from({ length: REPEATS - 1 }, (_, i) => {
    const options = { nSplits: cv, shuffle: true, randomState: i + 1 }
    return splitRows(groups ? new StratifiedGroupKFold(options) : new StratifiedKFold(options), y, y, groups)
  })
  return [...first, ...(await Promise.all(others)).flat()]
}

function gainOver(reference: JudgedLayer, judged: JudgedLayer): Pick<RankedLayer, 'gain' | 'gainError'> {
  const { mean, standardError } = meanOf(
    Array.from(judged.right, (right, row) => right - reference.right[row]),
  )
  return { gain: mean, gainError: standardError }
}

function meanAndDeviation(scores: number[]): Pick<RankedLayer, 'accuracy' | 'accuracyStd'> {
  const accuracy = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const variance = scores.reduce((sum, score) => sum + (score - accuracy) ** 2, 0) / scores.length
  return { accuracy, accuracyStd: Math.sqrt(variance) }
}

function compare(a: RankedLayer, b: RankedLayer): number {
  return b.accuracy - a.accuracy || (a.share ?? 1) - (b.share ?? 1) || a.features - b.features
}
