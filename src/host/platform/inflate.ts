import { hasFileSystem, importBuiltin } from './builtins.ts'

/**
 * Inflates a zlib stream with the host's native inflater, which runs outside of this thread.
 *
 * Hosts differ in how they report damaged streams and bytes after the end of a stream, so the validity of a stream must be
 * checked separately.
 *
 * @param pieces the stream, in pieces of any length
 * @returns `undefined` if the host has no inflater
 */
export function inflateByHost(
  pieces: Iterable<Uint8Array<ArrayBuffer>>,
): AsyncIterable<Uint8Array> | undefined {
  if (hasFileSystem()) return inflateByNode(pieces)
  return typeof DecompressionStream === 'undefined' ? undefined : inflateByWeb(pieces)
}

async function* inflateByNode(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { createInflate } = await importBuiltin('node:zlib')
  const { pipeline, Readable } = await importBuiltin('node:stream')
  // Few large chunks, since each one takes a turn of the event loop.
  const inflate = createInflate({ chunkSize: 2 ** 20 })
  // The loop throws the errors, and leaving it ends the pipeline.
  pipeline(Readable.from(pieces), inflate, () => {})
  for await (const chunk of inflate) yield chunk
}

async function* inflateByWeb(pieces: Iterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream('deflate')
  const reader = readable.getReader()
  const writing = writeAll(writable, pieces)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      yield value
    }
  } finally {
    await reader.cancel().catch(() => {})
    await writing
  }
}

/** Writes the stream, waiting while the inflater is busy. Errors surface on the reading side. */
async function writeAll(
  writable: WritableStream<BufferSource>,
  pieces: Iterable<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  const writer = writable.getWriter()
  try {
    for (const piece of pieces) {
      await writer.ready
      await writer.write(piece)
    }
    await writer.close()
  } catch {}
}
