import { hasFileSystem, importBuiltin } from '../platform/builtins.ts'
import { openHttp, Refusal } from './http.ts'
import { isUrl } from './read-bytes.ts'
import { unreadableUrl } from './read-url.ts'

/** Bytes per read from a file. */
const CHUNK_BYTES = 2 ** 18

/**
 * Reads a file or URL chunk by chunk, for data that does not fit in memory. Paths and URLs are resolved as by
 * `readBytes`.
 *
 * @param name the caller's name for the argument, for error messages
 * @throws {SoftmarginError} `FILE_UNREADABLE`; `ABORTED` if the signal fires
 */
export async function* streamBytes(
  source: string | URL,
  name = 'source',
  options: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array> {
  const { signal } = options
  const text = String(source)
  const isPath = typeof source === 'string' && !isUrl(source)
  const onDisk = hasFileSystem() && (isPath || /^file:/i.test(text))
  const chunks = onDisk ? fromDisk(isPath ? text : new URL(text)) : fromNetwork(text, signal)
  try {
    while (true) {
      let chunk: IteratorResult<Uint8Array>
      try {
        chunk = await chunks.next()
      } catch (cause) {
        throw unreadableUrl(text, name, signal, cause)
      }
      if (chunk.done) return
      yield chunk.value
    }
  } finally {
    await chunks.return(undefined)
  }
}

async function* fromDisk(path: string | URL): AsyncGenerator<Uint8Array> {
  const { open } = await importBuiltin('node:fs/promises')
  const file = await open(path)
  try {
    while (true) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function* fromNetwork(url: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (/^(data|blob):/i.test(url)) {
    const { body } = await fetch(url, { signal: signal ?? null })
    if (body) yield* streamChunks(body)
    return
  }
  const answer = await openHttp(url, { signal })
  if (!answer.response.ok) {
    await answer.cancel()
    throw Refusal.of(answer.response)
  }
  yield* answer.chunks()
}

/**
 * Iterates over a stream; not every host supports `for await` on streams.
 *
 * @param signal cancels the stream, even while a chunk is awaited; the iteration then ends as at the end of the stream
 */
export async function* streamChunks(
  stream: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  const cancel = () => reader.cancel(signal?.reason).catch(() => {})
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    while (true) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    signal?.removeEventListener('abort', cancel)
    // Also when the consumer stops early.
    await cancel()
  }
}
