// The requests and replies between `spawn` and a worker.

import type { SerializedError } from '../host/serialize-error.ts'

/** Classes whose objects live in the worker. */
export const remoteClasses = [
  'SVC',
  'SVR',
  'OneClassSVM',
  'GridSearchCV',
  'StandardScaler',
  'Normalizer',
  'StratifiedKFold',
  'StratifiedGroupKFold',
  'LeaveOneOut',
  'FeatureExtractor',
  'FeatureStore',
  'ImageClassifier',
] as const

/** Functions that run in the worker. */
export const remoteFunctions = [
  'chooseLayer',
  'crossValPredict',
  'crossValScore',
  'decodeImage',
  'learningCurve',
  'leaveOneOut',
  'nearDuplicates',
  'xiAlphaEstimate',
] as const

export type RemoteClassName = (typeof remoteClasses)[number]
export type RemoteFunctionName = (typeof remoteFunctions)[number]

/** A request to the worker. Arguments are encoded. */
export type Request =
  | { type: 'construct'; className: RemoteClassName; id: string; args: unknown[] }
  /** `target` is the id of an object or the name of a class; without it, `member` is a function of the library. */
  | { type: 'call'; target?: string | undefined; member: string; args: unknown[] }
  | { type: 'get'; target: string; member: string }

/** The outcome of a request. */
export type Reply = { value: unknown } | { error: SerializedError }

/** The interface of the worker, over Comlink. */
export interface ServerSide {
  perform(request: Request): Promise<Reply>
  /** Aborts the signal with that id. */
  abort(signal: number): Promise<void>
  /** Releases an object that has been garbage-collected on the client's side. */
  forget(id: string): Promise<void>
}

/** The interface of the client, which the worker calls over Comlink. */
export interface ClientSide {
  callBack(callback: number, args: unknown[]): Promise<Reply>
}
