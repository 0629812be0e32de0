import type { ErrorCode } from '../core/errors.ts'

/** Classes whose objects live in the worker. */
export const remoteClasses = [
  'SVC',
  'SVR',
  'OneClassSVM',
  'GridSearchCV',
  'StandardScaler',
  'Normalizer',
  'StratifiedKFold',
  'FeatureExtractor',
  'FeatureStore',
  'ImageClassifier',
] as const

/** Functions whose work is done in the worker. */
export const remoteFunctions = ['chooseLayer', 'decodeImage'] as const

export type RemoteClassName = (typeof remoteClasses)[number]
export type RemoteFunctionName = (typeof remoteFunctions)[number]

/** What the worker is asked to do. Arguments are encoded. */
export type Request =
  | { type: 'construct'; className: RemoteClassName; id: string; args: unknown[] }
  /** `target` is an object's id, or the name of a class; without it `member` is a function of the library. */
  | { type: 'call'; target?: string | undefined; member: string; args: unknown[] }
  | { type: 'get'; target: string; member: string }

/** What came of it. */
export type Answer = { value: unknown } | { error: SerializedError }

/** An error as plain data. */
export interface SerializedError {
  name: string
  message: string
  stack: string | undefined
  code?: ErrorCode | undefined
  argument?: string | undefined
  received?: unknown
  expected?: string | undefined
  cause?: unknown
}

/** What the worker offers, over Comlink. */
export interface ServerSide {
  perform(request: Request): Promise<Answer>
  /** Aborts the signal of that number. */
  abort(signal: number): Promise<void>
  /** Lets go of objects that nobody holds any more. */
  forget(id: string): Promise<void>
}

/** What the worker calls back, over Comlink. */
export interface ClientSide {
  callBack(callback: number, args: unknown[]): Promise<Answer>
}
