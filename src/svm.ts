// softmargin/svm: the machine alone, for who has features already, and the files they come in. No images, no CNN.

export {
  type CsvOptions,
  type CsvRows,
  type CsvTableOptions,
  csvBatches,
  csvRecords,
  type LabelKind,
  type LabelOf,
  readCsv,
} from './data/csv.ts'
export { NdArray, type NdArrayLike, type NdData } from './data/nd-array.ts'
export { type BatchOptions, npyBatches, readNpy, writeNpy } from './data/npy.ts'
export { npzBatches, readNpz, writeNpz } from './data/npz.ts'
export type { DataSource, ReadOptions } from './data/source.ts'
export {
  readSvmlight,
  type SvmlightBatchOptions,
  type SvmlightOptions,
  type SvmlightRows,
  svmlightBatches,
  writeSvmlight,
} from './data/svmlight.ts'
export type { Simd } from './engine/module.ts'
export type { FitStatus } from './engine/train.ts'
export { type ErrorCode, type ErrorDetails, SoftmarginError } from './errors.ts'
export { type GivenAsset, type GivenName, useAssets } from './host/assets.ts'
export { Matrix, type MatrixLike } from './matrix.ts'
export type { LongCall, Progress, Warned } from './progress.ts'
export type { Sigmoids } from './svm/class-order.ts'
export {
  type ClassificationReport,
  classificationReport,
  formatClassificationReport,
  type ReportFigures,
} from './svm/classification-report.ts'
export { type CvResults, GridSearchCV, type GridSearchOptions } from './svm/grid-search.ts'
export type { InputStep } from './svm/input-steps.ts'
export type { Label } from './svm/labels.ts'
export type { MachineExtras } from './svm/loaded-machine.ts'
export { accuracyScore, type ConfusionMatrix, confusionMatrix } from './svm/metrics.ts'
export { type Norm, Normalizer } from './svm/normalizer.ts'
export { OneClassSVM, type OneClassSvmOptions, type OneClassSvmParameters } from './svm/one-class-svm.ts'
export type { ParamGrid } from './svm/parameter-grid.ts'
export type { SampleWeight } from './svm/sample-weight.ts'
export type { Scorer, Scoring } from './svm/scoring.ts'
export type { SingleFitOptions, SingleMachineState } from './svm/single-machine.ts'
export { StandardScaler } from './svm/standard-scaler.ts'
export { type Fold, type Splitter, StratifiedKFold } from './svm/stratified-k-fold.ts'
export {
  type FitProgress,
  SVC,
  type SvcFitOptions,
  type SvcOptions,
  type SvcParameters,
  type SvcState,
} from './svm/svc.ts'
export { type PredictorState, SvcPredictor } from './svm/svc-predictor.ts'
export { SVR, type SvrOptions, type SvrParameters } from './svm/svr.ts'
export { type TrainTestSplit, type TrainTestSplitOptions, trainTestSplit } from './svm/train-test-split.ts'
