import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { streamBytes, streamChunks } from './byte-stream.ts'
import { readBytes } from './read-bytes.ts'

const file = new URL('../../../models/tiny/tiny.onnx', import.meta.url)
let whole: Uint8Array
let server: Server
let address: string
beforeAll(async () => {
  whole = await readBytes(file)
  server = createServer((request, response) => {
    if (request.url === '/model') response.end(whole)
    else if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': whole.length })
      response.write(whole.subarray(0, 1000), () => response.destroy())
    } else response.writeHead(404).end()
  }).listen(0)
  await new Promise((resolve) => server.once('listening', resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const list: Uint8Array[] = []
  for await (const piece of pieces) list.push(piece)
  return new Uint8Array(Buffer.concat(list))
}

describe('streamBytes', () => {
  it('gives the same bytes as readBytes, from disk and network, in chunks', async () => {
    for (const source of [file, String(file), decodeURIComponent(file.pathname), `${address}/model`]) {
      expect(Buffer.compare(await joined(streamBytes(source)), whole)).toBe(0)
    }
    let pieces = 0
    for await (const _ of streamBytes(file)) pieces++
    expect(pieces).toBeGreaterThan(1)
  })

  it.each<[string, () => string]>([
    ['a path that is not there', () => 'no/such/file'],
    ['a folder', () => String(pathToFileURL('src'))],
    ['a page that is not there', () => `${address}/nothing`],
    ['an answer that breaks off', () => `${address}/cut`],
    ['a server that is not there', () => 'http://127.0.0.1:1/'],
  ])('throws for %s', async (_, source) => {
    await expect(joined(streamBytes(source(), 'data'))).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      argument: 'data',
      message: expect.stringContaining(source()),
    })
  })

  it('can be aborted', async () => {
    const signal = AbortSignal.abort()
    await expect(joined(streamBytes(`${address}/model`, 'data', { signal }))).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })

  it('releases a stream that is not read to its end', async () => {
    let cancelled = false
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1)),
      cancel: () => {
        cancelled = true
      },
    })
    for await (const _ of streamChunks(stream)) break
    expect(cancelled).toBe(true)
  })
})
