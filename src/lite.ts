// The entry point `softmargin/lite`: image classification without onnxruntime-web.

export {
  type ClassifierFitOptions,
  type ClassifierLoadOptions,
  type ClassifierOptions,
  type ClassifierProgress,
  type ClassifierRefitOptions,
  type ClassifierSearch,
  type DuplicateImages,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationDetails,
  type ExplainMethod,
  type ExplainOptions,
  type Explanation,
  ImageClassifier,
  type ImagesCall,
  type NextToLabel,
  type Probability,
  type Scale,
  type ScalerNumbers,
  type UnknownEvaluation,
  type UnknownOptions,
} from './classifier/image-classifier.ts'
export type { ExtractOptions, ExtractProgress } from './cnn/batching/run-images.ts'
export {
  type ExtractorDescription,
  type ExtractorOptions,
  FeatureExtractor,
  type LayerChoice,
} from './cnn/extractor/extractor.ts'
export type { ModelDownload, ModelSource } from './cnn/extractor/model-source.ts'
export type { LayerInfo } from './cnn/layers/layer-info.ts'
export type { Pooling, ResolvedPooling } from './cnn/pool.ts'
export type { Runtime, RuntimeInfo } from './cnn/runtime.ts'
export { type ErrorCode, type ErrorDetails, SoftmarginError } from './core/errors.ts'
export type { Label } from './core/labels.ts'
export { Matrix } from './core/matrix.ts'
export { version } from './core/version.ts'
export {
  type CustomAsset as GivenAsset,
  type CustomAssetName as GivenName,
  useAssets,
} from './host/assets.ts'
export type { ImageInput, RawImage } from './image/image-input.ts'
export type { Preprocess, ResolvedPreprocess, Size } from './image/preprocess-options.ts'
export { type PredictorState, SvcPredictor } from './svm/svc-predictor.ts'
