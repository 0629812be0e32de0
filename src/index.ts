// The entry point `softmargin`: the whole public API.

export {
  type ChooseLayerOptions,
  type ChooseLayerProgress,
  chooseLayer,
  type RankedLayer,
} from './classifier/choose-layer.ts'
export {
  type ClassifierFineTune,
  type ClassifierFitOptions,
  type ClassifierLoadOptions,
  type ClassifierOptions,
  type ClassifierProgress,
  type ClassifierRefitOptions,
  type ClassifierSearch,
  type ClassifyOptions,
  type DuplicateImages,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationDetails,
  type ExplainMethod,
  type ExplainOptions,
  type Explanation,
  ImageClassifier,
  type ImagesCall,
  type LeftOutImage,
  type LeftOutImages,
  type NextToLabel,
  type Probability,
  type RankedLabel,
  type ScalerNumbers,
  type Suspect,
  type SuspectsOptions,
  type UnknownEvaluation,
  type UnknownOptions,
} from './classifier/image-classifier.ts'
export type { ExtractOptions, ExtractProgress } from './cnn/batching/run-images.ts'
export type { ExecutionProvider, OrtModule, OrtSession } from './cnn/custom-runtime.ts'
export {
  type ExtractorDescription,
  type ExtractorOptions,
  FeatureExtractor,
  type LayerChoice,
} from './cnn/extractor/extractor.ts'
export type { ModelDownload, ModelSource } from './cnn/extractor/model-source.ts'
export type { LayerInfo } from './cnn/layers/layer-info.ts'
export type { Pooling, ResolvedPooling } from './cnn/pool.ts'
export type { RunningDevice, Runtime, RuntimeInfo } from './cnn/runtime.ts'
export type { ActivationStore } from './cnn/training/activation-store.ts'
export type {
  Augmentation,
  FineTuneOptions,
  FineTuneProgress,
  Tuning,
  Validation,
} from './cnn/training/fine-tune-options.ts'
export { version } from './core/version.ts'
export { decodeImage } from './image/decode.ts'
export { fromHuggingFace, type HuggingFacePreprocess } from './image/hugging-face.ts'
export type { ImageInput, RawImage } from './image/image-input.ts'
export { imagesFromFolder } from './image/images-from-folder.ts'
export type { Preprocess, ResolvedPreprocess, Size } from './image/preprocess-options.ts'
export {
  FeatureStore,
  type StoreExtractOptions,
  type StoreOpenOptions,
  type StoreProgress,
} from './store/feature-store.ts'
export * from './svm.ts'
