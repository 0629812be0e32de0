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
export type { DataSource, ReadOptions } from './data/data-source.ts'
export {
  readSvmlight,
  type SvmlightBatchOptions,
  type SvmlightOptions,
  type SvmlightRows,
  svmlightBatches,
  writeSvmlight,
} from './data/svmlight.ts'
export type { Simd } from './engine/wasm/module.ts'
export type { FitStatus } from './engine/solver/solver.ts'
export { type ErrorCode, type ErrorDetails, SoftmarginError } from './core/errors.ts'
export { type GivenAsset, type GivenName, useAssets } from './host/assets.ts'
export { Matrix, type MatrixLike } from './core/matrix.ts'
export type { LongCall, Progress, Warned } from './core/call-options.ts'
export type { Sigmoids } from './svm/model/class-order.ts'
export {
  type ClassificationReport,
  classificationReport,
  formatClassificationReport,
  type ReportFigures,
} from './metrics/classification-report.ts'
export { type CvResults, GridSearchCV, type GridSearchOptions } from './model-selection/grid-search.ts'
export type { InputStep } from './svm/model/input-steps.ts'
export type { Label } from './core/labels.ts'
export type { MachineExtras } from './svm/formats/import-model.ts'
export { accuracyScore, type ConfusionMatrix, confusionMatrix } from './metrics/metrics.ts'
export { type Norm, Normalizer } from './preprocessing/normalizer.ts'
export { OneClassSVM, type OneClassSvmOptions, type OneClassSvmParameters } from './svm/one-class-svm.ts'
export type { ParamGrid } from './model-selection/parameter-grid.ts'
export type { SampleWeight } from './svm/model/sample-weight.ts'
export type { Scorer, Scoring } from './model-selection/scoring.ts'
export type { SingleFitOptions, SingleMachineState } from './svm/base-svm.ts'
export { StandardScaler } from './preprocessing/standard-scaler.ts'
export { type Fold, type Splitter, StratifiedKFold } from './model-selection/stratified-k-fold.ts'
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
export { type TrainTestSplit, type TrainTestSplitOptions, trainTestSplit } from './model-selection/train-test-split.ts'
