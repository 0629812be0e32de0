// The sources of data that all readers accept, and how they are read.

import { invalidArgument, SoftmarginError, throwIfAborted } from '../core/errors.ts'
import { yieldToHost } from '../host/platform/yield.ts'
import { streamBytes, streamPieces } from '../host/storage/byte-stream.ts'

/**
 * A source of data: a path or URL, bytes, a `Blob` or `File`, a stream, or any iterable of byte chunks. Everything
 * except bytes in memory is read chunk by chunk and never held as a whole.
 */
export type DataSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>

/** Options of all data readers. */
export interface ReadOptions {
  /** Aborts the call, which then throws `ABORTED`. */
  signal?: AbortSignal | undefined
}

/** Bytes in memory are processed in chunks of this size, with a yield to the event loop after each. */
const TURN = 2 ** 20

/**
 * Yields the bytes of a source, chunk by chunk.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a value that is not a data source, `FILE_UNREADABLE`, `ABORTED`
 */
export async function* piecesOf(source: DataSource, o: ReadOptions = {}): AsyncGenerator<Uint8Array> {
  for await (const piece of open(source, o)) {
    throwIfAborted(o.signal)
    if (!(piece instanceof Uint8Array)) throw invalidArgument('source', piece, 'an iterable of Uint8Arrays')
    if (piece.length > 0) yield piece
  }
}

function open(source: DataSource, o: ReadOptions): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (typeof source === 'string' || source instanceof URL) return streamBytes(source, 'source', o)
  if (source instanceof Uint8Array) return inTurns(source)
  if (source instanceof ArrayBuffer) return inTurns(new Uint8Array(source))
  if (source instanceof Blob) return streamPieces(source.stream())
  if (source instanceof ReadableStream) return streamPieces(source)
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source || Symbol.iterator in source) return source
  }
  throw invalidArgument('source', source, 'a path, a URL, bytes, a Blob, a stream, or an iterable of bytes')
}

async function* inTurns(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += TURN) {
    if (at > 0) await yieldToHost()
    yield bytes.subarray(at, at + TURN)
  }
}

/** The error for data that is damaged or of an unsupported kind. */
export function unreadable(format: string, why: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('DATA_UNREADABLE', `source must be ${format}, but ${why}`, {
    argument: 'source',
    expected: format,
    cause,
  })
}

/**
 * Checks the option that sets the number of rows per batch.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function checkBatchSize(batchSize: number): void {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw invalidArgument('batchSize', batchSize, 'an integer of 1 or more')
  }
}
