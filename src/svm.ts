// softmargin/svm: the machine alone, for who has features already. No images, no CNN.

export type { Simd } from './engine/module.ts'
export type { FitStatus } from './engine/train.ts'
export { type ErrorCode, type ErrorDetails, SoftmarginError } from './errors.ts'
export { Matrix, type MatrixLike } from './matrix.ts'
export type { LongCall, Progress } from './progress.ts'
export {
  type ClassificationReport,
  classificationReport,
  formatClassificationReport,
  type ReportFigures,
} from './svm/classification-report.ts'
export { type CvResults, GridSearchCV, type GridSearchOptions } from './svm/grid-search.ts'
export type { Label } from './svm/labels.ts'
export { accuracyScore, type ConfusionMatrix, confusionMatrix } from './svm/metrics.ts'
export { type Norm, Normalizer } from './svm/normalizer.ts'
export type { ParamGrid } from './svm/parameter-grid.ts'
export type { Scorer, Scoring } from './svm/scoring.ts'
export { StandardScaler } from './svm/standard-scaler.ts'
export { type Fold, type Splitter, StratifiedKFold } from './svm/stratified-k-fold.ts'
export { type FitProgress, SVC, type SvcOptions, type SvcState } from './svm/svc.ts'
export { type TrainTestSplit, type TrainTestSplitOptions, trainTestSplit } from './svm/train-test-split.ts'
