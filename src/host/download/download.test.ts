import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FileServer, sha256 } from '../../../test/support/file-server.ts'
import { seeded } from '../../../test/support/layered-cnn.ts'
import { type DownloadOptions, download } from './download.ts'

const bytes = Uint8Array.from(seeded(300_000, 9), (x) => (x + 1) * 127)
let server: FileServer
let cache: string

beforeAll(async () => {
  server = await FileServer.start()
})
afterAll(() => server.stop())
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'softmargin-'))
  server.requests.length = 0
})
afterEach(() => rmSync(cache, { recursive: true, force: true }))

const get = (path: string, options: DownloadOptions = {}) =>
  download(`${server.origin}${path}`, 'model', { cache, ...options })
/** Like `toEqual`, which takes half a second for this many bytes. */
const expectBytes = (actual: Uint8Array, wanted: Uint8Array) => expect(Buffer.compare(actual, wanted)).toBe(0)
/** The names of the files in the cache, without their hashes. */
const kept = () =>
  readdirSync(cache).map((name) => name.replace(/^[0-9a-f]{16}-/, '').replace(/\.[0-9a-f]{8}/g, '.x'))

describe('a download', () => {
  it('is cached, and requested again only to check that it has not changed', async () => {
    server.files.set('/a.onnx', { bytes })
    const seen: [number, number][] = []
    const onProgress = ({ done, total }: { done: number; total: number }) => seen.push([done, total])
    expectBytes(await get('/a.onnx', { onProgress }), bytes)
    expect(seen[0]).toEqual([0, bytes.length])
    expect(seen.at(-1)).toEqual([bytes.length, bytes.length])
    expect(kept()).toEqual(['a_onnx', 'a_onnx.json'])
    expectBytes(await get('/a.onnx'), bytes)
    // A file with a known hash cannot have changed.
    expectBytes(await get('/a.onnx', { sha256: sha256(bytes) }), bytes)
    expect(server.requests).toHaveLength(2)
    server.files.set('/a.onnx', { bytes: bytes.subarray(1) })
    expectBytes(await get('/a.onnx'), bytes.slice(1))
    expect(kept()).toEqual(['a_onnx', 'a_onnx.json'])
  })

  it("is cached where the environment says, or in the system's cache folder", async () => {
    const before = { ...process.env }
    server.files.set('/m.onnx', { bytes })
    try {
      process.env.SOFTMARGIN_CACHE = join(cache, 'own')
      await get('/m.onnx', { cache: true })
      delete process.env.SOFTMARGIN_CACHE
      process.env.XDG_CACHE_HOME = join(cache, 'shared')
      await get('/m.onnx', { cache: undefined })
    } finally {
      for (const name of ['SOFTMARGIN_CACHE', 'XDG_CACHE_HOME']) delete process.env[name]
      Object.assign(process.env, before)
    }
    expect(readdirSync(join(cache, 'own'))).toHaveLength(2)
    expect(readdirSync(join(cache, 'shared', 'softmargin'))).toHaveLength(2)
  })

  it('works without a cache', async () => {
    server.files.set('/b.onnx', { bytes })
    expectBytes(await get('/b.onnx', { cache: false }), bytes)
    expect(kept()).toEqual([])
    const closed = join(cache, 'a file, not a folder')
    writeFileSync(closed, '')
    expectBytes(await get('/b.onnx', { cache: closed }), bytes)
  })

  it.each<[string, Parameters<FileServer['files']['set']>[1]]>([
    ['works without a Content-Length', { bytes, length: false }],
    ['may be empty', { bytes: new Uint8Array(0) }],
  ])('%s', async (_, file) => {
    server.files.set('/odd', file)
    expectBytes(await get('/odd'), file.bytes)
    expectBytes(await get('/odd', { cache: false }), file.bytes)
  })

  it('follows redirects', async () => {
    server.files.set('/c.onnx', { bytes })
    server.answers.set('/to', '/on').set('/on', '/c.onnx')
    expectBytes(await get('/to'), bytes)
    server.answers.set('/round', '/round')
    await expect(get('/round')).rejects.toMatchObject({
      message: expect.stringContaining('too many redirects'),
    })
  })

  it('falls back to the cache when the server fails', async () => {
    server.files.set('/d.onnx', { bytes })
    await get('/d.onnx')
    server.answers.set('/d.onnx', 503)
    expectBytes(await get('/d.onnx'), bytes)
    server.answers.delete('/d.onnx')
  })
})

describe('an interrupted download', () => {
  it.each([true, false])('resumes where it stopped (cache: %s)', async (isCached) => {
    server.files.set('/e.onnx', { bytes, breaks: [1000, 70_000] })
    expectBytes(await get('/e.onnx', isCached ? {} : { cache: false }), bytes)
    expect(server.requests).toHaveLength(3)
    expect(server.requests[1]).toMatch(/^\/e\.onnx bytes=1000-$/)
    expect(kept()).toEqual(isCached ? ['e_onnx', 'e_onnx.json'] : [])
  })

  it('restarts if the server does not support ranges', async () => {
    server.files.set('/f.onnx', { bytes, breaks: [1000], ranges: false })
    expectBytes(await get('/f.onnx'), bytes)
  })

  it('is resumed by the next call unless the file has changed', async () => {
    const file = { bytes, breaks: [1000, 1000, 1000, 1000, 1000] }
    server.files.set('/g.onnx', file)
    await expect(get('/g.onnx')).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      argument: 'model',
      message: expect.stringContaining('4000 bytes are kept, and the next call resumes from there'),
    })
    expect(kept()).toEqual(['g_onnx.x.part'])
    await expect(get('/g.onnx', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    expectBytes(await get('/g.onnx'), bytes)
    expect(server.requests.slice(-2)).toEqual(['/g.onnx bytes=4000-', '/g.onnx bytes=5000-'])

    file.breaks = [1000, 1000, 1000, 1000]
    server.files.set('/h.onnx', file)
    await expect(get('/h.onnx')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    const newer = bytes.slice().reverse()
    server.files.set('/h.onnx', { bytes: newer })
    expectBytes(await get('/h.onnx'), newer)
    expect(kept().filter((name) => name.includes('part'))).toEqual([])
  })

  it('is aborted by its signal and resumed later', async () => {
    server.files.set('/i.onnx', { bytes, breaks: [50_000, 50_000] })
    const controller = new AbortController()
    const call = get('/i.onnx', {
      signal: controller.signal,
      onProgress: ({ done }) => done > 0 && controller.abort(),
    })
    await expect(call).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError' })
    expectBytes(await get('/i.onnx'), bytes)
    expect(server.requests.at(-1)).toMatch(/bytes=\d+-/)
  })

  it('of a killed process is resumed once that is certainly dead', async () => {
    server.files.set('/j.onnx', { bytes, breaks: [1000, 1000, 1000, 1000] })
    await expect(get('/j.onnx')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    const [left] = readdirSync(cache)
    const part = readFileSync(join(cache, left))
    rmSync(join(cache, left))
    const orphan = join(cache, left.replace(/part$/, '0badcafe.part'))
    writeFileSync(orphan, part)
    expect((await get('/j.onnx')).length).toBe(bytes.length)
    expect(server.requests.at(-1)).toBe('/j.onnx')

    rmSync(join(cache, left.replace(/\..*/, '')))
    const twoMinutesAgo = Date.now() / 1000 - 120
    utimesSync(orphan, twoMinutesAgo, twoMinutesAgo)
    expect((await get('/j.onnx')).length).toBe(bytes.length)
    expect(server.requests.at(-1)).toBe('/j.onnx bytes=4000-')
  })
})

describe('a wrong file is rejected, and nothing is cached', () => {
  it.each<[string, string, DownloadOptions, string]>([
    ['a missing file', '/none', {}, 'the server answered 404 Not Found'],
    ['a forbidden file', '/private', {}, 'the server answered 403 Forbidden'],
    ['another size', '/k.onnx', { size: 7 }, 'it has 300000 bytes instead of 7'],
    [
      'another hash',
      '/k.onnx',
      { sha256: 'ab'.repeat(32) },
      `its SHA-256 is ${sha256(bytes)} instead of abab`,
    ],
    ["a hash other than the hub's", '/linked', {}, 'instead of cdcd'],
  ])('%s', async (_, path, options, phrase) => {
    server.files.set('/k.onnx', { bytes, headers: { 'x-linked-etag': `"${'cd'.repeat(32)}"` } })
    server.answers.set('/private', 403).set('/linked', '/k.onnx')
    await expect(get(path, options)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining(phrase),
    })
    expect(kept()).toEqual([])
  })

  it('an unreachable server', async () => {
    const gone = await FileServer.start()
    const { origin } = gone
    await gone.stop()
    await expect(download(`${origin}/x.onnx`, 'model', { cache })).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })

  it('two concurrent downloads do not interfere', async () => {
    server.files.set('/l.onnx', { bytes, breaks: [1000, 2000, 3000] })
    const all = await Promise.all([get('/l.onnx'), get('/l.onnx'), get('/l.onnx')])
    for (const one of all) expectBytes(one, bytes)
    expect(kept()).toEqual(['l_onnx', 'l_onnx.json'])
  })
})
