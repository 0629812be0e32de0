// The sources of data that all readers accept, and how they are read.

import { abortedBy, invalidArgument, SoftmarginError, throwIfAborted } from '../core/errors.ts'
import { yieldToHost } from '../host/platform/yield.ts'
import { streamBytes, streamChunks } from '../host/storage/byte-stream.ts'

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
  /** Aborts the call, which then throws `ABORTED`, even while the source delivers nothing. */
  signal?: AbortSignal | undefined
}

/** Bytes in memory are processed in chunks of this size, with a yield to the event loop after each. */
const CHUNK_BYTES = 2 ** 20

/**
 * Yields the bytes of a source, chunk by chunk.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a value that is not a data source, `FILE_UNREADABLE`, `ABORTED`
 */
export async function* chunksOf(source: DataSource, o: ReadOptions = {}): AsyncGenerator<Uint8Array> {
  const { signal } = o
  const iterator = iteratorOf(toIterable(source, o))
  let isFinished = false
  try {
    while (true) {
      // A source may deliver nothing for a long time, so the signal must also end the wait for the next chunk.
      const next = await abortedBy(signal, Promise.resolve(iterator.next()))
      isFinished = next.done === true
      if (next.done) return
      throwIfAborted(signal)
      const chunk = next.value
      if (!(chunk instanceof Uint8Array)) throw invalidArgument('source', chunk, 'an iterable of Uint8Arrays')
      if (chunk.length > 0) yield chunk
    }
  } finally {
    if (!isFinished) await release(iterator, signal)
  }
}

type AnyIterator = AsyncIterator<Uint8Array> | Iterator<Uint8Array>

function iteratorOf(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AnyIterator {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
}

/** Ends an iteration early. After an abort, it does not wait: a generator returns only when its pending chunk arrives. */
async function release(iterator: AnyIterator, signal: AbortSignal | undefined): Promise<void> {
  const released = Promise.resolve(iterator.return?.()).catch(() => {})
  if (!signal?.aborted) await released
}

function toIterable(source: DataSource, o: ReadOptions): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (typeof source === 'string' || source instanceof URL) return streamBytes(source, 'source', o)
  if (source instanceof Uint8Array) return chunksWithYields(source)
  if (source instanceof ArrayBuffer) return chunksWithYields(new Uint8Array(source))
  if (source instanceof Blob) return streamChunks(source.stream(), o.signal)
  if (source instanceof ReadableStream) return streamChunks(source, o.signal)
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source || Symbol.iterator in source) return source
  }
  throw invalidArgument('source', source, 'a path, a URL, bytes, a Blob, a stream, or an iterable of bytes')
}

async function* chunksWithYields(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    if (at > 0) await yieldToHost()
    yield bytes.subarray(at, at + CHUNK_BYTES)
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
