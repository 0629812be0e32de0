// Every option may be undefined, and every list may be readonly.
import {
  type BatchOptions,
  type ChooseLayerOptions,
  type ClassifierFitOptions,
  type ClassifierLoadOptions,
  type ClassifierOptions,
  type ClassifierRefitOptions,
  type ClassifyOptions,
  type CsvTableOptions,
  confusionMatrix,
  type ErrorDetails,
  type EvaluateOptions,
  type ExtractOptions,
  type ExtractorOptions,
  FeatureExtractor,
  fromHuggingFace,
  type GridSearchFitOptions,
  type GridSearchOptions,
  type HuggingFacePreprocess,
  ImageClassifier,
  type ImagesCall,
  type LayerChoice,
  type LongCall,
  type Matrix,
  type ModelDownload,
  type NearDuplicatesOptions,
  type OneClassSvmOptions,
  type ParamGrid,
  type Preprocess,
  type ReadOptions,
  type SingleFitOptions,
  StandardScaler,
  type StoreExtractOptions,
  SVC,
  type SvcFitOptions,
  type SvcOptions,
  type SvmlightBatchOptions,
  type SvmlightOptions,
  type SvrOptions,
  type TrainTestSplitOptions,
  writeNpz,
} from 'softmargin'
import type { SpawnOptions, TransferOptions } from 'softmargin/worker'
import { expectType } from './assert.js'

/** The names of options that may be omitted, but not be `undefined`. */
type Strict<Options> = {
  [Name in keyof Options]-?: Partial<Pick<Options, Name>> extends Pick<Options, Name>
    ? { [Key in Name]: undefined } extends { [Key in Name]: Options[Name] }
      ? never
      : Name
    : never
}[keyof Options]

// @ts-expect-error: verifies that a strict option is detected.
expectType<never>()({} as Strict<{ strict?: number; lenient?: number | undefined; needed: number }>)

declare const strict:
  | Strict<BatchOptions>
  | Strict<ChooseLayerOptions>
  | Strict<ClassifierFitOptions>
  | Strict<ClassifierLoadOptions>
  | Strict<ClassifierOptions>
  | Strict<ClassifierRefitOptions>
  | Strict<ClassifyOptions>
  | Strict<CsvTableOptions>
  | Strict<ErrorDetails>
  | Strict<EvaluateOptions>
  | Strict<ExtractOptions>
  | Strict<ExtractorOptions>
  | Strict<GridSearchFitOptions>
  | Strict<GridSearchOptions>
  | Strict<HuggingFacePreprocess>
  | Strict<ImagesCall>
  | Strict<LayerChoice>
  | Strict<LongCall>
  | Strict<ModelDownload>
  | Strict<NearDuplicatesOptions>
  | Strict<OneClassSvmOptions>
  | Strict<ParamGrid>
  | Strict<Preprocess>
  | Strict<ReadOptions>
  | Strict<SingleFitOptions>
  | Strict<SpawnOptions>
  | Strict<StoreExtractOptions>
  | Strict<SvcFitOptions>
  | Strict<SvcOptions>
  | Strict<SvmlightBatchOptions>
  | Strict<SvmlightOptions>
  | Strict<SvrOptions>
  | Strict<TrainTestSplitOptions>
  | Strict<TransferOptions>
expectType<never>()(strict)

const grid = { C: [0.1, 1, 10], gamma: [0.01, 'scale'], kernel: ['rbf', 'linear'] } as const
const settings = {
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  poolings: ['average', { grid: 2 }],
  layers: ['stage3', -1],
} as const

export async function lists(
  images: readonly string[],
  labels: readonly string[],
  weights: readonly number[],
) {
  const { mean, std, poolings, layers } = settings
  const extractor = await FeatureExtractor.create({
    layer: undefined,
    preprocess: { mean, std, size: undefined },
  })
  const choices: readonly LayerChoice[] = layers.map((layer) => ({ layer, pooling: poolings[1] }))
  await extractor.extract(images, { batchSize: undefined })
  expectType<Matrix[]>()(await extractor.extractLayers(images, choices))
  const [first, second] = await extractor.extractLayers(images, [{ layer: 'stage3' }, choices[0] ?? {}])
  expectType<Matrix>()(second)
  const classifier = await ImageClassifier.create({ extractor, svm: { classWeight: { cat: 2 } as const } })
  await classifier.fit(images, labels, { grid, cv: undefined })
  await classifier.fit(images, labels, { grid: [grid, { kernel: ['poly'] }] })
  const svc = await new SVC({ threads: undefined }).fit(first, labels, { sampleWeight: weights })
  confusionMatrix(labels, await svc.predict([weights]), { labels })
  fromHuggingFace({ image_mean: mean, image_std: std })
  writeNpz({ labels, weights } as const)
  return StandardScaler.from({ mean, scale: std })
}
