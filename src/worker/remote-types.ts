// The types of the library as seen through `spawn`: every method and property is asynchronous.

import type { chooseLayer } from '../classifier/choose-layer.ts'
import type {
  ClassifierFitOptions,
  ClassifierLoadOptions,
  ClassifierOptions,
  EvaluateOptions,
  Evaluation,
  ImageClassifier,
  ImagesCall,
  UnknownOptions,
} from '../classifier/image-classifier.ts'
import type { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import type { ModelSource } from '../cnn/extractor/model-source.ts'
import type { LongCall } from '../core/call-options.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix, MatrixLike } from '../core/matrix.ts'
import type { DataSource, ReadOptions } from '../data/data-source.ts'
import type { NdArray } from '../data/nd-array.ts'
import type { decodeImage } from '../image/decode.ts'
import type { ImageInput, RawImage } from '../image/image-input.ts'
import type { CrossValPredictOptions, crossValPredict } from '../model-selection/cross-val-predict.ts'
import type { CrossValScoreOptions, crossValScore } from '../model-selection/cross-val-score.ts'
import type { GridSearchCV, GridSearchFitOptions, GridSearchOptions } from '../model-selection/grid-search.ts'
import type { LearningCurve, LearningCurveOptions, learningCurve } from '../model-selection/learning-curve.ts'
import type { LeaveOneOutOptions, LeaveOneOutResult, leaveOneOut } from '../model-selection/leave-one-out.ts'
import type { nearDuplicates } from '../model-selection/near-duplicates.ts'
import type { ParamGrid } from '../model-selection/parameter-grid.ts'
import type { LeaveOneOut } from '../model-selection/splits/leave-one-out-split.ts'
import type { StratifiedGroupKFold } from '../model-selection/splits/stratified-group-k-fold.ts'
import type { StratifiedKFold } from '../model-selection/splits/stratified-k-fold.ts'
import type { XiAlphaEstimate, xiAlphaEstimate } from '../model-selection/xi-alpha-estimate.ts'
import type { Normalizer } from '../preprocessing/normalizer.ts'
import type { StandardScaler } from '../preprocessing/standard-scaler.ts'
import type { FeatureStore } from '../store/feature-store.ts'
import type { SvcState } from '../svm/model/svc-state.ts'
import type { OneClassSVM } from '../svm/one-class-svm.ts'
import type { SVC, SvcFitOptions, SvcOptions } from '../svm/svc.ts'
import type { SVR } from '../svm/svr.ts'
import type { RemoteClassName, RemoteFunctionName } from './protocol.ts'

interface Classes {
  SVC: typeof SVC
  SVR: typeof SVR
  OneClassSVM: typeof OneClassSVM
  GridSearchCV: typeof GridSearchCV
  StandardScaler: typeof StandardScaler
  Normalizer: typeof Normalizer
  StratifiedKFold: typeof StratifiedKFold
  StratifiedGroupKFold: typeof StratifiedGroupKFold
  LeaveOneOut: typeof LeaveOneOut
  FeatureExtractor: typeof FeatureExtractor
  FeatureStore: typeof FeatureStore
  ImageClassifier: typeof ImageClassifier
}
interface Functions {
  chooseLayer: typeof chooseLayer
  crossValPredict: typeof crossValPredict
  crossValScore: typeof crossValScore
  decodeImage: typeof decodeImage
  learningCurve: typeof learningCurve
  leaveOneOut: typeof leaveOneOut
  nearDuplicates: typeof nearDuplicates
  xiAlphaEstimate: typeof xiAlphaEstimate
}
type Instance = { [Name in RemoteClassName]: Classes[Name]['prototype'] }[RemoteClassName]

/** Options of every call to a worker. */
export interface TransferOptions {
  /**
   * Move the buffers of the arguments to the worker instead of copying them; they are empty here afterwards. Default
   * false.
   */
  transfer?: boolean | undefined
}

/** An object in the worker: every method and every property returns a promise. */
export type RemoteObject<T> =
  T extends SVC<infer L>
    ? RemoteSvc<L>
    : T extends GridSearchCV<infer L>
      ? RemoteGridSearch<L>
      : T extends ImageClassifier<infer L, infer U>
        ? RemoteClassifier<L, U>
        : RemoteMembers<T>

/**
 * A class in the worker. `await new remote.SVC()` throws the constructor's error; without `await`, the first call
 * does.
 */
export type RemoteClass<Class> = (Class extends new (
  ...args: infer Args
) => infer Made
  ? new (
      ...args: Sent<Args>
    ) => RemoteObject<Made>
  : unknown) &
  RemoteStatics<Class>

/** The classes and functions of `softmargin`, which run in a worker. */
export type RemoteLibrary = Omit<
  { readonly [Name in RemoteClassName]: RemoteClass<Classes[Name]> },
  keyof GenericClasses
> &
  GenericClasses &
  GenericFunctions & {
    readonly [Name in Exclude<RemoteFunctionName, keyof GenericFunctions>]: Functions[Name] extends (
      ...args: infer Args
    ) => infer Result
      ? RemoteFunction<Args, Result>
      : never
  }

// A mapped type keeps only the last overload of a method and loses the method's type parameters. Where the type of
// the labels depends on either, the method is therefore written out.

type RemoteSvc<L extends Label> = Omit<RemoteMembers<SVC<L>>, 'fit'> & {
  /** As `SVC.fit`. */
  fit<Y extends ArrayLike<L>>(X: MatrixLike, y: Y, o?: SentValue<SvcFitOptions>): RemoteAnswer<SVC<Y[number]>>
}

type RemoteGridSearch<L extends Label> = Omit<RemoteMembers<GridSearchCV<L>>, 'fit'> & {
  /** As `GridSearchCV.fit`. */
  fit<Y extends ArrayLike<L>>(
    X: MatrixLike,
    y: Y,
    o?: SentValue<GridSearchFitOptions>,
  ): RemoteAnswer<GridSearchCV<Y[number]>>
}

type AllReadable = ImagesCall & { onUnreadable?: undefined }

type RemoteClassifier<L extends Label, U extends Label | null = never> = Omit<
  RemoteMembers<ImageClassifier<L, U>>,
  'fit' | 'predict' | 'predictWithProba' | 'evaluate'
> & {
  /** As `ImageClassifier.fit`. */
  fit<Y extends ArrayLike<L>>(
    images: readonly ImageInput[],
    labels: Y,
    o?: SentValue<ClassifierFitOptions<Y[number]>>,
  ): RemoteAnswer<ImageClassifier<Y[number], U>>
  /** As `ImageClassifier.predict`. */
  predict(images: readonly ImageInput[], o?: SentValue<AllReadable>): Promise<(L | U)[]>
  predict(images: readonly ImageInput[], o: SentValue<ImagesCall>): Promise<(L | U | null)[]>
  /** As `ImageClassifier.predictWithProba`. */
  predictWithProba(
    images: readonly ImageInput[],
    o?: SentValue<AllReadable>,
  ): Promise<{ labels: (L | U)[]; probabilities: Matrix }>
  predictWithProba(
    images: readonly ImageInput[],
    o: SentValue<ImagesCall>,
  ): Promise<{ labels: (L | U | null)[]; probabilities: Matrix }>
  /** As `ImageClassifier.evaluate`. */
  evaluate<Y extends ArrayLike<Label>>(
    images: readonly ImageInput[],
    labels: Y,
    o?: SentValue<EvaluateOptions>,
  ): Promise<Evaluation<L | Y[number]>>
}

/** The classes that have a type parameter for their labels. */
interface GenericClasses {
  readonly SVC: Omit<RemoteStatics<typeof SVC>, 'fromState' | 'fromOnnx'> & {
    new <L extends Label = Label>(options?: SentValue<SvcOptions>): RemoteSvc<L>
    /** As `SVC.fromState`. */
    fromState<L extends Label>(state: SvcState<L>, options?: TransferOptions): RemoteAnswer<SVC<L>>
    /** As `SVC.fromOnnx`. */
    fromOnnx<L extends Label = Label>(
      bytes: Uint8Array | ArrayBuffer,
      options?: TransferOptions,
    ): RemoteAnswer<SVC<L>>
  }
  readonly GridSearchCV: {
    new <L extends Label = Label>(
      estimator: RemoteSvc<L>,
      paramGrid: ParamGrid | readonly ParamGrid[],
      o?: SentValue<GridSearchOptions<L>>,
    ): RemoteGridSearch<L>
  }
  readonly FeatureStore: Omit<RemoteStatics<typeof FeatureStore>, 'inMemory' | 'open' | 'fromNpz'> & {
    /** As `FeatureStore.inMemory`. */
    inMemory<L extends Label = Label>(): RemoteAnswer<FeatureStore<L>>
    /** As `FeatureStore.open`. */
    open<L extends Label = Label>(path: string): RemoteAnswer<FeatureStore<L>>
    /** As `FeatureStore.fromNpz`. */
    fromNpz<L extends Label = Label>(
      source: DataSource,
      o?: SentValue<ReadOptions>,
    ): RemoteAnswer<FeatureStore<L>>
  }
  readonly ImageClassifier: Omit<RemoteStatics<typeof ImageClassifier>, 'create' | 'load'> & {
    /** As `ImageClassifier.create`. */
    create<L extends Label = Label>(
      options?: SentValue<ClassifierOptions & { unknown?: false | undefined }>,
    ): RemoteAnswer<ImageClassifier<L>>
    create<L extends Label = Label, U extends Label | null = null>(
      options: SentValue<ClassifierOptions & { unknown: true | UnknownOptions<U> }>,
    ): RemoteAnswer<ImageClassifier<L, U>>
    create<L extends Label = Label>(
      options: SentValue<ClassifierOptions>,
    ): RemoteAnswer<ImageClassifier<L, Label | null>>
    /** As `ImageClassifier.load`. */
    load<L extends Label = Label, U extends Label | null = never>(
      source: ModelSource,
      o?: SentValue<ClassifierLoadOptions>,
    ): RemoteAnswer<ImageClassifier<L, U>>
  }
}

/** The functions whose result depends on the type of the labels. */
interface GenericFunctions {
  /** As `learningCurve`. */
  learningCurve<L extends Label>(
    estimator: RemoteSvc<L>,
    X: MatrixLike,
    y: ArrayLike<L>,
    o?: SentValue<LearningCurveOptions>,
  ): Promise<LearningCurve>
  /** As `leaveOneOut`. */
  leaveOneOut<L extends Label, Y extends ArrayLike<L>>(
    estimator: RemoteSvc<L>,
    X: MatrixLike,
    y: Y,
    o?: SentValue<LeaveOneOutOptions>,
  ): Promise<LeaveOneOutResult<Y[number]>>
  /** As `xiAlphaEstimate`. */
  xiAlphaEstimate<L extends Label>(
    svc: RemoteSvc<L>,
    X: MatrixLike,
    y: ArrayLike<L>,
    o?: SentValue<LongCall>,
  ): Promise<XiAlphaEstimate>
  /** As `crossValScore`. */
  crossValScore<L extends Label>(
    estimator: RemoteSvc<L>,
    X: MatrixLike,
    y: ArrayLike<L>,
    o?: SentValue<CrossValScoreOptions<L>>,
  ): Promise<Float64Array>
  /** As `crossValPredict`. */
  crossValPredict<L extends Label, Y extends ArrayLike<L>>(
    estimator: RemoteSvc<L>,
    X: MatrixLike,
    y: Y,
    o?: SentValue<CrossValPredictOptions & { method?: 'predict' | undefined }>,
  ): Promise<Y[number][]>
  crossValPredict<L extends Label>(
    estimator: RemoteSvc<L>,
    X: MatrixLike,
    y: ArrayLike<L>,
    o: SentValue<CrossValPredictOptions & { method: 'decisionFunction' | 'predictProba' }>,
  ): Promise<Matrix>
}

type RemoteAnswer<T> = Promise<RemoteObject<T>>

type RemoteMembers<T> = {
  readonly [Key in keyof T as Key extends symbol ? never : Key]: T[Key] extends (
    ...args: infer Args
  ) => infer Result
    ? RemoteFunction<Args, Result>
    : Promise<Answered<T[Key]>>
} & {
  /** Frees the object in the worker. */
  dispose(): Promise<void>
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

type RemoteStatics<Class> = {
  readonly [Key in Exclude<keyof Class, 'prototype'>]: Class[Key] extends (
    ...args: infer Args
  ) => infer Result
    ? RemoteFunction<Args, Result>
    : Promise<Answered<Class[Key]>>
}

/** Derived from a method so that parameters are compared bivariantly, as for the methods of the classes. */
type RemoteFunction<Args extends unknown[], Result> = {
  method(...args: [...args: Sent<Args>, options?: TransferOptions]): Promise<Answered<Awaited<Result>>>
}['method']

type Answered<Value> = Value extends Instance ? RemoteObject<Value> : Value

type Sent<Args extends unknown[]> = { [Key in keyof Args]: SentValue<Args[Key]> }

type SentValue<Value> = Value extends Instance
  ? RemoteObject<Value>
  : Value extends Whole
    ? Value
    : Value extends object
      ? { [Key in keyof Value]: SentField<Value[Key]> } & TransferOptions
      : Value

/** A field of options, which may also be an object in the worker. */
type SentField<Value> = Value extends Instance ? RemoteObject<Value> : Value

/** Values that are not options objects. */
type Whole =
  | ArrayLike<unknown>
  | ArrayBuffer
  | Matrix
  | NdArray
  | RawImage
  | Blob
  | URL
  | ((...args: never[]) => unknown)
