// Conversion of errors to plain data and back, for messages between threads.

import { type ErrorCode, SoftmarginError, show } from '../core/errors.ts'

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

/** Converts an error to plain data, which a message can hold. */
export function serializeError(error: unknown): SerializedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined }
  const { name, message, stack } = error
  const cause = error.cause instanceof Error ? { error: serializeError(error.cause) } : simple(error.cause)
  if (!(error instanceof SoftmarginError)) return { name, message, stack, cause }
  const { code, argument, received, expected } = error
  return { name, message, stack, cause, code, argument, received: simple(received), expected }
}

/** Restores the error: a `SoftmarginError` with its fields, or a built-in error. */
export function deserializeError(serialized: SerializedError): Error {
  const { name, message, stack, code, argument, received, expected } = serialized
  const cause = isNested(serialized.cause) ? deserializeError(serialized.cause.error) : serialized.cause
  const error =
    code === undefined
      ? plainError(name, message, cause)
      : new SoftmarginError(code, message, {
          ...(argument === undefined ? {} : { argument }),
          ...(expected === undefined ? {} : { expected }),
          received,
          cause,
        })
  // Keep the stack of the original throw, which is more useful than the one of this place.
  if (stack !== undefined) error.stack = stack
  return error
}

const errors = { TypeError, RangeError, SyntaxError, ReferenceError }

function plainError(name: string, message: string, cause: unknown): Error {
  const options = cause === undefined ? undefined : { cause }
  if (Object.hasOwn(errors, name)) return new errors[name as keyof typeof errors](message, options)
  const error = new Error(message, options)
  if (name !== 'Error') error.name = name
  return error
}

function isNested(cause: unknown): cause is { error: SerializedError } {
  return typeof cause === 'object' && cause !== null && 'error' in cause
}

/** Returns a value that can be cloned: primitives and short JSON data are kept, anything else becomes a description. */
function simple(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return show(String(value))
  if (value === null || typeof value !== 'object') return value
  try {
    const json = JSON.stringify(value)
    return json.length <= 1000 ? JSON.parse(json) : show(value)
  } catch {
    return show(value)
  }
}
