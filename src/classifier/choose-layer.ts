import type { ExtractOptions } from '../cnn/batching/run-images.ts'
import { type ExtractorOptions, FeatureExtractor, type LayerChoice } from '../cnn/extractor/extractor.ts'
import type { LayerInfo } from '../cnn/extractor/layer-info.ts'
import type { Pooling } from '../cnn/pool.ts'
import type { LongCall, Progress } from '../core/call-options.ts'
import { invalidArgument, throwIfAborted } from '../core/errors.ts'
import type { Fold, Splitter } from '../core/folds.ts'
import { checkLabels, type Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import { StratifiedKFold } from '../model-selection/stratified-k-fold.ts'
import { JoinedLayers } from '../store/feature-source.ts'
import type { FeatureStore } from '../store/feature-store.ts'
import { SVC, type SvcOptions } from '../svm/svc.ts'
import { checkClassWeight, checkFeatureKernel } from './check-svm.ts'
import { checkImages, type ImagesCall, type Scale } from './classifier-options.ts'
import { fitFeatureScaler } from './feature-scaler.ts'

/** How far the choice of a layer has come: `'features'` counts images, `'svm'` fits. */
export interface ChooseLayerProgress extends Progress {
  stage: 'features' | 'svm'
}

/** What `chooseLayer` takes. */
export interface ChooseLayerOptions
  extends LongCall<ChooseLayerProgress>,
    Pick<ImagesCall, 'batchSize' | 'onUnreadable'> {
  /** An extractor, which stays the caller's to dispose of, or the options of one. Default: the CNN that ships. */
  extractor?: FeatureExtractor | ExtractorOptions | undefined
  /** As `layer` of an extractor. Default: the layers that end a stage (`LayerInfo.endsStage`). */
  layers?: readonly (string | number)[] | undefined
  /**
   * Tried on each layer where they can be: layers without height and width are taken as they are. Default
   * `'average'` and `{ grid: 2 }`.
   */
  poolings?: readonly Pooling[] | undefined
  /** The SVM that judges. Default: `SVC`'s own options. */
  svm?: SVC | SvcOptions | undefined
  /** What is done to features, learnt from each fold's own training part. Default `'standard'`. */
  scale?: Scale | undefined
  /** Folds, or a splitter. Default 5. */
  cv?: number | Splitter | undefined
  /** Where the features of all candidates are kept, side by side, so that no image is extracted twice. */
  store?: FeatureStore | undefined
}

/** A layer and a pooling, and how well an SVM does on the features that they give. */
export interface RankedLayer {
  /** The tensor's name. */
  layer: string
  pooling: Pooling
  /** Mean over the folds of the share of images that were labelled right, 0 to 1. */
  accuracy: number
  /** Standard deviation over the folds. */
  accuracyStd: number
  /** Numbers an image. */
  features: number
  /** The share of the network's multiply-adds that it needs, as `LayerInfo.share` has it. */
  share: number | undefined
}

/** A ranking with what it was made from, so that a fit on the best layer need not extract it again. */
export interface Ranking {
  /** The best first. */
  layers: RankedLayer[]
  /** The features of each, in the same order. */
  features: Matrix[]
  /** Positions of the images that could be read, a row of features each. */
  read: number[]
  /** With a store: what it knows each row by, and what it keeps. */
  keys?: string[] | undefined
  joined?: JoinedLayers | undefined
}

/**
 * Finds the layer and the pooling whose features suit a task best: an SVM is cross-validated on each.
 *
 * All candidates come from one pass over the images.
 *
 * @param images of any mix of kinds and sizes
 * @param labels one for each image
 * @returns a row for each candidate, the most accurate first; of equals the one that needs the least work, then
 *   the one with the fewest features
 * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `ONE_CLASS`, `TOO_FEW_ROWS` if a class has fewer
 *   images than there are folds, `LAYER_NOT_FOUND`, `INVALID_ARGUMENT`, `NOT_FINITE`, `OUT_OF_MEMORY`, `ABORTED`,
 *   and as `FeatureExtractor.create` and `extract`
 */
export async function chooseLayer(
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  options: ChooseLayerOptions = {},
): Promise<RankedLayer[]> {
  return (await rankLayers(images, labels, options)).layers
}

/** As `chooseLayer`, with the features. */
export async function rankLayers(
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  options: ChooseLayerOptions = {},
): Promise<Ranking> {
  const { cv = 5, svm = {}, scale = 'standard', signal, onProgress } = options
  checkImages(images)
  checkLabels(labels, images.length, 'labels', 'images')
  const splitter = typeof cv === 'number' ? new StratifiedKFold({ nSplits: cv }) : cv
  // Features are dear: what can be seen to fail before they are made should.
  await splitter.split(images, labels)
  const template = svm instanceof SVC ? svm : new SVC(svm)
  checkFeatureKernel(template)
  checkClassWeight(template, labels)
  const given = options.extractor
  const extractor = given instanceof FeatureExtractor ? given : await FeatureExtractor.create(given)
  try {
    const { choices, infos } = candidates(extractor, options)
    const { features, ...rest } = await extract(extractor, images, choices, options, labels)
    const { read } = rest
    const y = read.map((i) => labels[i])
    const folds = await splitter.split(y, y)
    const rows: { ranked: RankedLayer; features: Matrix }[] = []
    for (const [i, matrix] of features.entries()) {
      const scores = await crossValidate(template, scale, matrix, y, folds, {
        signal,
        onProgress: ({ done, total }) =>
          onProgress?.({ stage: 'svm', done: i * total + done, total: features.length * total }),
      })
      const ranked = {
        layer: infos[i].name,
        pooling: choices[i].pooling!,
        ...meanAndDeviation(scores),
        features: matrix.cols,
        share: infos[i].share,
      }
      rows.push({ ranked, features: matrix })
    }
    rows.sort((a, b) => compare(a.ranked, b.ranked))
    return { layers: rows.map(({ ranked }) => ranked), features: rows.map((row) => row.features), ...rest }
  } finally {
    if (extractor !== given) extractor.dispose()
  }
}

/** Each layer with each pooling that it can have. */
function candidates(extractor: FeatureExtractor, options: ChooseLayerOptions) {
  const all = extractor.layers()
  const { poolings = ['average', { grid: 2 }], layers } = options
  if (!Array.isArray(poolings) || poolings.length === 0) {
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
    const isMap = info.shape === undefined ? undefined : info.shape.length === 3
    // What does not fit to a map of unknown shape shows when it is run.
    const possible: readonly Pooling[] = isMap === false ? ['none'] : poolings
    for (const pooling of possible) {
      choices.push({ layer: info.name, pooling })
      infos.push(info)
    }
  }
  return { choices, infos }
}

async function extract(
  extractor: FeatureExtractor,
  images: readonly ImageInput[],
  choices: readonly LayerChoice[],
  { batchSize, signal, onProgress, onUnreadable, store }: ChooseLayerOptions,
  labels: ArrayLike<Label>,
): Promise<Omit<Ranking, 'layers'>> {
  const unreadable = new Set<number>()
  const call: ExtractOptions = {
    batchSize,
    signal,
    onProgress: (p) => onProgress?.({ stage: 'features', ...p }),
    onUnreadable:
      onUnreadable &&
      ((index, error) => {
        unreadable.add(index)
        onUnreadable(index, error)
      }),
  }
  const readable = () => [...images.keys()].filter((i) => !unreadable.has(i))
  if (!store) return { features: await extractor.extractLayers(images, choices, call), read: readable() }
  const joined = new JoinedLayers(extractor, choices)
  const keys = await store.keep(joined, images, { ...call, labels })
  const { preprocess, parts = [] } = await joined.maker()
  const features = parts.map((part) => store.featuresOf(keys, { ...part, preprocess }))
  return { features, keys, joined, read: readable() }
}

/** The accuracy on each fold. */
async function crossValidate(
  template: SVC,
  scale: Scale,
  X: Matrix,
  y: Label[],
  folds: Fold[],
  { signal, onProgress }: LongCall,
): Promise<number[]> {
  const scores: number[] = []
  for (const { train, test } of folds) {
    throwIfAborted(signal)
    const rows = X.select(train)
    const scaler = await fitFeatureScaler(scale, rows)
    const labelsOf = (indexes: Int32Array) => Array.from(indexes, (i) => y[i])
    const svc = template.clone()
    try {
      await svc.fit(await scaler.transform(rows), labelsOf(train), { signal })
      scores.push(await svc.score(await scaler.transform(X.select(test)), labelsOf(test), { signal }))
    } finally {
      svc.dispose()
    }
    onProgress?.({ done: scores.length, total: folds.length })
  }
  return scores
}

function meanAndDeviation(scores: number[]): Pick<RankedLayer, 'accuracy' | 'accuracyStd'> {
  const accuracy = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const variance = scores.reduce((sum, score) => sum + (score - accuracy) ** 2, 0) / scores.length
  return { accuracy, accuracyStd: Math.sqrt(variance) }
}

function compare(a: RankedLayer, b: RankedLayer): number {
  return b.accuracy - a.accuracy || (a.share ?? 1) - (b.share ?? 1) || a.features - b.features
}
