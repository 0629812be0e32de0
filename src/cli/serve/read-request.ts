import type { IncomingMessage } from 'node:http'
import { HttpError } from './http-error.ts'

/** Content types of a body that is one picture. The actual format is detected from its bytes. */
const pictureTypes = /^(image\/.+|application\/octet-stream)$/

/**
 * Reads the pictures of a request: its body, or the base64 strings of a JSON document `{ "images": [...] }`.
 *
 * @throws {HttpError} 400, 413, 415
 */
export async function readPictures(
  request: IncomingMessage,
  { maxBytes, maxImages }: { maxBytes: number; maxImages: number },
): Promise<Uint8Array[]> {
  const type = (request.headers['content-type'] ?? 'application/octet-stream')
    .split(';')[0]
    .trim()
    .toLowerCase()
  const isJson = type === 'application/json'
  if (!isJson && !pictureTypes.test(type)) {
    const message = `the body must be a picture or application/json, but is ${type}`
    throw new HttpError(415, 'UNSUPPORTED_TYPE', message)
  }
  const bytes = await readBody(request, maxBytes)
  if (bytes.length === 0)
    throw new HttpError(400, 'EMPTY_INPUT', 'the body must contain a picture, but is empty')
  return isJson ? picturesOf(bytes, maxImages) : [bytes]
}

/** Reads the parameter `top` of a query. @throws {HttpError} 400 */
export function readTop(query: URLSearchParams): number | undefined {
  const text = query.get('top')
  if (text === null) return undefined
  const top = Number(text)
  if (Number.isSafeInteger(top) && top >= 1) return top
  throw new HttpError(
    400,
    'INVALID_ARGUMENT',
    `top must be an integer of 1 or more, but is '${text.slice(0, 40)}'`,
  )
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  // The connection stays open, and the rest of the body is read and dropped: a client whose connection is closed while it
  // still sends would not see the response.
  const tooLarge = () => {
    request.resume()
    return new HttpError(413, 'TOO_LARGE', `the body must have at most ${maxBytes} bytes`)
  }
  // Reject the body before reading it if the client declares its length.
  if (Number(request.headers['content-length']) > maxBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function picturesOf(bytes: Uint8Array, maxImages: number): Uint8Array[] {
  const malformed = (why: string) =>
    new HttpError(
      400,
      'INVALID_ARGUMENT',
      `the body must be JSON with base64 strings as "images", but ${why}`,
    )
  let document: unknown
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw malformed('it is not JSON')
  }
  const { images } = (document ?? {}) as { images?: unknown }
  if (!Array.isArray(images) || images.length === 0) throw malformed('it has no such list')
  if (images.length > maxImages) {
    throw new HttpError(
      413,
      'TOO_LARGE',
      `a request can contain at most ${maxImages} pictures, but this one has ${images.length}`,
    )
  }
  return images.map((text, i) => {
    if (typeof text !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text))
      throw malformed(`images[${i}] is not base64`)
    return new Uint8Array(Buffer.from(text, 'base64'))
  })
}
