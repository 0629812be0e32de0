/**
 * Identifies the kind of an error. Codes are stable across versions.
 *
 * Test `error.code`, never the message.
 */
export type ErrorCode =
  | 'INVALID_ARGUMENT' // a value outside its range, of the wrong type, or an unknown name
  | 'EMPTY_INPUT' // no rows, no images, no bytes
  | 'SHAPE_MISMATCH' // lengths or widths that do not agree
  | 'NOT_FINITE' // NaN or infinity where a number is needed
  | 'ONE_CLASS' // fewer than two classes in y
  | 'TOO_FEW_ROWS' // a class has fewer rows than there are folds, or a side of a split would be empty
  | 'NOT_FITTED' // used before fit
  | 'DISPOSED' // used after dispose()
  | 'ABORTED' // the AbortSignal fired
  | 'OUT_OF_MEMORY' // does not fit in WebAssembly memory, or exceeds a limit passed by the caller
  | 'IMAGE_UNREADABLE' // not an image, or a broken one
  | 'MODEL_UNREADABLE' // not a model of the expected format, or a broken one
  | 'MODEL_UNSUPPORTED' // a valid model that the call cannot use
  | 'LAYER_NOT_FOUND' // no tensor with that name
  | 'FEATURES_MISMATCH' // stored features come from another CNN, layer, pooling or preprocessing
  | 'FEATURES_MISSING' // a feature store lacks some of the requested images
  | 'DATA_UNREADABLE' // not a data file of the expected format, or a broken one
  | 'FILE_UNREADABLE' // a path or URL that cannot be read
  | 'FILE_UNWRITABLE' // a path that cannot be written
  | 'FILE_LOCKED' // another writer has the file open, in this process or in another one
  | 'FILE_CHANGED' // another writer has changed the file since it was read
  | 'HOST_UNSUPPORTED' // this host lacks a feature that the call needs
  | 'WORKER_LOST' // the worker could not start, died or was terminated
  | 'INTERNAL' // a defect of softmargin itself

/** Details of an error: which argument, what was received, what was expected. */
export interface ErrorDetails {
  /** The argument as the caller wrote it, for example `'C'` or `'images[3]'`. */
  argument?: string | undefined
  /** The received value, short enough to print. */
  received?: unknown
  /** The expected value, as a phrase. */
  expected?: string | undefined
  cause?: unknown
}

/** The only error class of the package. `name` is `'AbortError'` for `ABORTED`, as in the platform's own errors. */
export class SoftmarginError extends Error {
  readonly code: ErrorCode
  readonly argument: string | undefined
  readonly received: unknown
  readonly expected: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = code === 'ABORTED' ? 'AbortError' : 'SoftmarginError'
    this.code = code
    this.argument = details.argument
    this.received = details.received
    this.expected = details.expected
  }
}

/**
 * Creates the error for an invalid argument.
 *
 * @param message default: names the argument, what was expected and what was received. Set if a reason is more helpful
 */
export function invalidArgument(
  argument: string,
  received: unknown,
  expected: string,
  message = `${argument} must be ${expected}, but is ${show(received)}`,
): SoftmarginError {
  return new SoftmarginError('INVALID_ARGUMENT', message, { argument, received, expected })
}

/** Creates the error for lengths that do not agree. */
export function shapeMismatch(argument: string, received: unknown, expected: string): SoftmarginError {
  return new SoftmarginError(
    'SHAPE_MISMATCH',
    `${argument} must have ${expected}, but has ${show(received)}`,
    {
      argument,
      received,
      expected,
    },
  )
}

/** @throws {SoftmarginError} `ABORTED` if the signal has been aborted */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new SoftmarginError('ABORTED', 'the call was aborted by its signal', {
      argument: 'signal',
      cause: signal.reason,
    })
  }
}

/**
 * Returns the result of `work`, or rejects with `ABORTED` as soon as the signal is aborted, even if `work` is still
 * queued.
 */
export function abortedBy<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const abort = () => {
      try {
        throwIfAborted(signal)
      } catch (error) {
        reject(error)
      }
    }
    signal.addEventListener('abort', abort, { once: true })
    const settle = () => signal.removeEventListener('abort', abort)
    work.then(resolve, reject).finally(settle)
    abort()
  })
}

/**
 * Makes room for numbers.
 *
 * @param what the numbers, for the message
 * @param advice what to do if there is no room, if anything is known
 * @param argument whose value asks for it
 * @throws {SoftmarginError} `OUT_OF_MEMORY` if they do not fit in memory
 */
export function roomFor<Room>(make: () => Room, what: string, advice?: string, argument = 'images'): Room {
  try {
    return make()
  } catch (cause) {
    const message = `${what} do not fit in memory${advice ? `; ${advice}` : ''}`
    throw new SoftmarginError('OUT_OF_MEMORY', message, { argument, cause })
  }
}

/** Formats a value as a short text for a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return value.length > 80 ? `'${value.slice(0, 77)}...'` : `'${value}'`
  if (typeof value === 'function') return `a function`
  if (value === null || typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  return `a ${value.constructor?.name ?? 'object'}`
}
