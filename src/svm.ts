// The entry point `softmargin/svm`: SVMs, preprocessing, model selection, metrics, and readers and writers of data
// files, for callers that already have features. It includes no image decoding and no CNN.

export type { LongCall, Progress, Warned } from './core/call-options.ts'
export { type ErrorCode, type ErrorDetails, SoftmarginError } from './core/errors.ts'
export type { Fold, Splitter } from './core/folds.ts'
export type { Label } from './core/labels.ts'
export { Matrix, type MatrixLike } from './core/matrix.ts'
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
export type { DataSource, ReadOptions } from './data/data-source.ts'
export { NdArray, type NdArrayLike, type NdData } from './data/nd-array.ts'
export { type BatchOptions, npyBatches, readNpy, writeNpy } from './data/npy.ts'
export { npzBatches, readNpz, writeNpz } from './data/npz.ts'
export {
  readSvmlight,
  type SvmlightBatchOptions,
  type SvmlightOptions,
  type SvmlightRows,
  svmlightBatches,
  writeSvmlight,
} from './data/svmlight.ts'
export type { Sigmoids } from './engine/decision/platt.ts'
export type { FitStatus } from './engine/solver/solver.ts'
export type { Simd } from './engine/wasm/module.ts'
export {
  type CustomAsset as GivenAsset,
  type CustomAssetName as GivenName,
  useAssets,
} from './host/assets.ts'
export { type CalibrationCurve, calibrationCurve } from './metrics/calibration-curve.ts'
export {
  type ClassificationReport,
  classificationReport,
  formatClassificationReport,
  type ReportFigures,
} from './metrics/classification-report.ts'
export { accuracyScore, type ConfusionMatrix, confusionMatrix } from './metrics/metrics.ts'
export { auc, type RocCurve, rocCurve } from './metrics/roc.ts'
export { wilsonInterval } from './metrics/wilson-interval.ts'
export { type CrossValPredictOptions, crossValPredict } from './model-selection/cross-val-predict.ts'
export {
  type CrossValOptions,
  type CrossValScoreOptions,
  crossValScore,
} from './model-selection/cross-val-score.ts'
export {
  type CvResults,
  GridSearchCV,
  type GridSearchFitOptions,
  type GridSearchOptions,
} from './model-selection/grid-search.ts'
export {
  type LearningCurve,
  type LearningCurveOptions,
  learningCurve,
} from './model-selection/learning-curve.ts'
export {
  type LeaveOneOutOptions,
  type LeaveOneOutResult,
  leaveOneOut,
} from './model-selection/leave-one-out.ts'
export {
  type NearDuplicate,
  type NearDuplicates,
  type NearDuplicatesOptions,
  nearDuplicates,
} from './model-selection/near-duplicates.ts'
export type { ParamGrid } from './model-selection/parameter-grid.ts'
export type { Scorer, Scoring } from './model-selection/scoring.ts'
export { LeaveOneOut } from './model-selection/splits/leave-one-out-split.ts'
export { StratifiedGroupKFold } from './model-selection/splits/stratified-group-k-fold.ts'
export { StratifiedKFold } from './model-selection/splits/stratified-k-fold.ts'
export {
  type TrainTestSplit,
  type TrainTestSplitOptions,
  trainTestSplit,
} from './model-selection/splits/train-test-split.ts'
export { type XiAlphaEstimate, xiAlphaEstimate } from './model-selection/xi-alpha-estimate.ts'
export type { Scale } from './preprocessing/feature-scaler.ts'
export { type Norm, Normalizer } from './preprocessing/normalizer.ts'
export { StandardScaler } from './preprocessing/standard-scaler.ts'
export type { BaseSvmState as SingleMachineState, SingleFitOptions } from './svm/base-svm.ts'
export type { FittedModel, ModelExtras as MachineExtras } from './svm/model/fitted-model.ts'
export type { InputStep } from './svm/model/input-step.ts'
export type { SampleWeight } from './svm/model/sample-weight.ts'
export type { SvcState } from './svm/model/svc-state.ts'
export { OneClassSVM, type OneClassSvmOptions, type OneClassSvmParameters } from './svm/one-class-svm.ts'
export { SVC } from './svm/public-svc.ts'
export type { FitProgress, SvcFitOptions, SvcOptions, SvcParameters } from './svm/svc.ts'
export { type PredictorState, SvcPredictor } from './svm/svc-predictor.ts'
export { SVR, type SvrOptions, type SvrParameters } from './svm/svr.ts'
