import type * as Library from '../index.ts'
import type { RemoteClassName, RemoteFunctionName } from './protocol.ts'

type Classes = Pick<typeof Library, RemoteClassName>
type Instance = { [Name in RemoteClassName]: Classes[Name]['prototype'] }[RemoteClassName]

/** What every call to a worker takes besides. */
export interface TransferOptions {
  /** Move the buffers of the arguments to the worker: they are empty here afterwards. Default: copy them. */
  transfer?: boolean | undefined
}

/** An object in the worker: every method and every property answers a promise. */
export type RemoteObject<T> = {
  readonly [Key in keyof T as Key extends symbol ? never : Key]: T[Key] extends (
    ...args: infer Args
  ) => infer Result
    ? RemoteFunction<Args, Result>
    : Promise<Answered<T[Key]>>
} & {
  /** Frees what the object holds in the worker. */
  dispose(): Promise<void>
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

/** A class in the worker. `await new remote.SVC()` throws what the constructor throws; without, the first call does. */
export type RemoteClass<Class> = (Class extends new (
  ...args: infer Args
) => infer Made
  ? new (
      ...args: Sent<Args>
    ) => RemoteObject<Made>
  : unknown) & {
  readonly [Key in Exclude<keyof Class, 'prototype'>]: Class[Key] extends (
    ...args: infer Args
  ) => infer Result
    ? RemoteFunction<Args, Result>
    : Promise<Answered<Class[Key]>>
}

/** The classes and functions of `softmargin`, their work done in a worker. */
export type RemoteLibrary = { readonly [Name in RemoteClassName]: RemoteClass<Classes[Name]> } & {
  readonly [Name in RemoteFunctionName]: (typeof Library)[Name] extends (...args: infer Args) => infer Result
    ? RemoteFunction<Args, Result>
    : never
}

type RemoteFunction<Args extends unknown[], Result> = (
  ...args: [...Sent<Args>, options?: TransferOptions]
) => Promise<Answered<Awaited<Result>>>

type Answered<Value> = Value extends Instance ? RemoteObject<Value> : Value

type Sent<Args extends unknown[]> = { [Key in keyof Args]: SentValue<Args[Key]> }

type SentValue<Value> = Value extends Instance
  ? RemoteObject<Value>
  : Value extends Whole
    ? Value
    : Value extends object
      ? { [Key in keyof Value]: SentField<Value[Key]> } & TransferOptions
      : Value

/** A field of options, which may be an object of the worker too. */
type SentField<Value> = Value extends Instance ? RemoteObject<Value> : Value

/** What is no object of options. */
type Whole =
  | ArrayLike<unknown>
  | ArrayBuffer
  | Library.Matrix
  | Library.NdArray
  | Library.RawImage
  | Blob
  | URL
  | ((...args: never[]) => unknown)
