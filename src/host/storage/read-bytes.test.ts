import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isUrl, readBytes } from './read-bytes.ts'

const file = new URL('../../../LICENSE', import.meta.url)
let server: Server
let origin: string

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/ok') response.end('found')
    else if (request.url === '/broken') {
      response.writeHead(200, { 'content-length': '1000' }).write('half')
      setTimeout(() => response.destroy(), 20)
    } else if (request.url !== '/slow') response.writeHead(404).end('nothing here')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('readBytes', () => {
  it('reads paths, URLs and servers', async () => {
    for (const source of [file, file.href, fileURLToPath(file)]) {
      const bytes = await readBytes(source)
      expect(text(bytes)).toMatch(/^MIT License/)
      expect(bytes.buffer.byteLength).toBe(bytes.length)
    }
    expect(text(await readBytes(`${origin}/ok`))).toBe('found')
    expect(text(await readBytes(new URL(`${origin}/ok`)))).toBe('found')
    expect(text(await readBytes('data:text/plain,hello'))).toBe('hello')
  })

  it.each<[string, () => string | URL, string]>([
    ['a missing file', () => 'no/such/file', 'no such file'],
    ['a folder', () => new URL('.', file), 'EISDIR'],
    ['what the server does not have', () => `${origin}/missing`, 'the server answered 404 Not Found'],
    ['an answer that breaks off', () => `${origin}/broken`, 'terminated'],
    ['a server that is not there', () => 'http://127.0.0.1:1/x', 'fetch failed ('],
  ])('names %s', async (_, source, phrase) => {
    await expect(readBytes(source(), 'images[4]')).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      argument: 'images[4]',
      message: expect.stringContaining(phrase),
    })
  })

  it('can be aborted', async () => {
    const controller = new AbortController()
    const reading = readBytes(`${origin}/slow`, 'model', { signal: controller.signal })
    controller.abort()
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError' })
  })
})

it('distinguishes URLs from paths', () => {
  expect(['http://a', 'HTTPS://a', 'file:///a', 'data:,', 'blob:x'].every(isUrl)).toBe(true)
  expect(['a.png', '/a', 'C:\\a.png', 'httpd/log', './file:x'].some(isUrl)).toBe(false)
})
