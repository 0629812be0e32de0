import type { Pooling } from '../cnn/pool.ts'
import { SoftmarginError } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { FeatureScaler, Scale } from '../preprocessing/feature-scaler.ts'
import type { SVC } from '../svm/svc.ts'
import type { RankedLayer } from './choose-layer.ts'
import type { ClassifierFineTune, Probability, UnknownSettings } from './classifier-options.ts'
import type { FittedSvm } from './fitting/fit-svm.ts'
import type { ImageFeatures } from './image-features.ts'
import type { Pipeline } from './predict-images.ts'
import type { TrainingSet } from './training-set.ts'

/** What `fit` makes, or a file holds. */
export interface Fitted<L extends Label> extends FittedSvm<L> {
  scaler: FeatureScaler
  /** `undefined` if loaded from a file that does not record its training set. */
  trainingSet: TrainingSet<L> | undefined
  /** The group of each image of the training set, if there are groups. Not stored in saved files. */
  groups?: Label[] | undefined
  rankedLayers?: RankedLayer[] | undefined
}

/** The settings of an `ImageClassifier`, which never change. */
export interface ClassifierSettings<L extends Label> {
  readonly scale: Scale
  readonly template: SVC<L>
  readonly probability: Probability
  readonly unknown: UnknownSettings | undefined
  /** Set if `fit` is to select the layer: the poolings it may choose from. */
  readonly auto?: { poolings?: readonly Pooling[] | undefined } | undefined
  /** Set if `fit` is to train the CNN. */
  readonly fineTune?: ClassifierFineTune | undefined
}

/** Everything that an `ImageClassifier` holds. Functions that are loaded on demand change it too. */
export interface ClassifierState<L extends Label> extends ClassifierSettings<L> {
  /** Where features come from before the CNN is trained; each `fit` starts from it. */
  frozen: ImageFeatures
  /** Where features come from: `frozen`, or a trained copy of it. */
  source: ImageFeatures
  fitted: Fitted<L> | undefined
  /** Images passed to `add` since the last fit. */
  added: (TrainingSet<L> & { features: Matrix })[]
  isDisposed: boolean
}

/** The state of a new classifier. */
export function stateOf<L extends Label>(
  source: ImageFeatures,
  settings: ClassifierSettings<L>,
  fitted?: Fitted<L>,
): ClassifierState<L> {
  return { ...settings, frozen: source, source, fitted, added: [], isDisposed: false }
}

/** @throws {SoftmarginError} `DISPOSED` */
export function checkAlive({ isDisposed }: Pick<ClassifierState<Label>, 'isDisposed'>): void {
  if (!isDisposed) return
  throw new SoftmarginError('DISPOSED', 'this ImageClassifier was disposed of; create a new one')
}

/** @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED` */
export function fittedOf<L extends Label>(state: ClassifierState<L>): Fitted<L> {
  checkAlive(state)
  if (state.fitted) return state.fitted
  throw new SoftmarginError(
    'NOT_FITTED',
    'this ImageClassifier is not fitted; call fit(images, labels) first',
  )
}

/** What predictions need. @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED` */
export function pipelineOf<L extends Label>(state: ClassifierState<L>): Pipeline<L> {
  return { source: state.source, ...fittedOf(state) }
}
