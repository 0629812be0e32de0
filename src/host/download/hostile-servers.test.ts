import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FileServer, sha256 } from '../../../test/support/file-server.ts'
import { seeded } from '../../../test/support/layered-cnn.ts'
import { openModel } from '../../cnn/extractor/model-source.ts'
import { decodeImage } from '../../image/decode.ts'
import { streamBytes } from '../storage/byte-stream.ts'
import { readSource } from '../storage/read-source.ts'
import { withoutSecrets } from '../storage/url-secrets.ts'
import { writeFileAtomically } from '../storage/write-file.ts'
import { type DownloadOptions, download } from './download.ts'
import { parseHubSource } from './hub-source.ts'

const bytes = Uint8Array.from(seeded(30_000, 9), (x) => (x + 1) * 127)
const other = bytes.slice().reverse()
const MB = 2 ** 20
let server: FileServer
let cache: string

beforeAll(async () => {
  server = await FileServer.start()
})
afterAll(() => server.stop())
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'softmargin-'))
  server.requests.length = 0
  server.files.clear()
  server.answers.clear()
})
afterEach(() => rmSync(cache, { recursive: true, force: true }))

const get = (path: string, options: DownloadOptions = {}) =>
  download(`${server.origin}${path}`, 'model', { cache, ...options })

async function drain(pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of pieces);
}

/** The ways to read a URL. */
const readers: [string, (url: string, signal?: AbortSignal) => Promise<unknown>][] = [
  ['download', (url, signal) => download(url, 'model', { cache, ...(signal && { signal }) })],
  ['readSource', (url, signal) => readSource(url, 'image', signal ? { signal } : {})],
  ['streamBytes', (url, signal) => drain(streamBytes(url, 'data', { signal }))],
]

describe('a cached file', () => {
  const wrong: [string, DownloadOptions, string][] = [
    ['another SHA-256', { sha256: 'ab'.repeat(32) }, 'its SHA-256 is'],
    ['another size', { size: 7 }, 'bytes instead of 7'],
  ]

  it.each(wrong)('is not used for one of %s that has not changed', async (_, options, phrase) => {
    server.files.set('/a', { bytes })
    await get('/a')
    await expect(get('/a', options)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining(phrase),
    })
  })

  it.each(wrong)('is not used for one of %s when the server is unreachable', async (_, options) => {
    server.files.set('/a', { bytes })
    await get('/a')
    server.answers.set('/a', 503)
    expect(Buffer.compare(await get('/a'), bytes)).toBe(0)
    await expect(get('/a', options)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
  })

  it('is replaced by the requested one even if the server reports the same version', async () => {
    server.files.set('/a', { bytes, etag: 'v' })
    await get('/a')
    server.files.set('/a', { bytes: other, etag: 'v' })
    const options = { sha256: sha256(other), size: other.length }
    expect(Buffer.compare(await get('/a', options), other)).toBe(0)
    // Without a request.
    const requests = server.requests.length
    expect(Buffer.compare(await get('/a', options), other)).toBe(0)
    expect(server.requests).toHaveLength(requests)
  })

  it('is replaced by the one whose hash the hub reports', async () => {
    server.answers.set('/hub', '/a')
    server.files.set('/a', { bytes, etag: 'v', headers: { 'x-linked-etag': `"${sha256(bytes)}"` } })
    await get('/hub')
    server.files.set('/a', { bytes: other, etag: 'v', headers: { 'x-linked-etag': `"${sha256(other)}"` } })
    expect(Buffer.compare(await get('/hub'), other)).toBe(0)
  })

  it.each<[string, DownloadOptions, string]>([
    ['an invalid SHA-256', { sha256: 'abc' }, 'download.sha256'],
    ['a size that is not an integer', { size: 1.5 }, 'download.size'],
    ['a timeout of 0', { timeout: 0 }, 'download.timeout'],
    ['a timeout of NaN', { timeout: Number.NaN }, 'download.timeout'],
  ])('rejects invalid options: %s', async (_, options, argument) => {
    await expect(get('/a', options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument })
    expect(server.requests).toEqual([])
  })
})

describe('a redirect', () => {
  it.each(readers)('to a file or to data is not followed: %s', async (_, read) => {
    const secret = join(cache, 'secret')
    writeFileSync(secret, 'secret')
    for (const to of [
      pathToFileURL(secret).href,
      'data:text/plain,secret',
      'ftp://127.0.0.1/x',
      'http://[',
    ]) {
      server.answers.set('/away', to)
      server.requests.length = 0
      await expect(read(`${server.origin}/away`)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining('it redirects to'),
      })
      expect(server.requests, 'asked once').toHaveLength(1)
    }
  })

  it.each(readers)(
    'from https: to http: is not followed, but from http: to https: is: %s',
    async (_, read) => {
      const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
      // The certificate is self-signed.
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
      const safe = await FileServer.start({ tls: true })
      try {
        safe.files.set('/a', { bytes })
        safe.answers.set('/down', `${server.origin}/a`)
        server.files.set('/a', { bytes })
        server.answers.set('/up', `${safe.origin}/a`)
        await read(`${server.origin}/up`)
        expect(safe.requests).toEqual(['/a'])
        server.requests.length = 0
        await expect(read(`${safe.origin}/down`)).rejects.toMatchObject({
          code: 'FILE_UNREADABLE',
          message: expect.stringContaining('which is not encrypted'),
        })
        expect(server.requests).toEqual([])
      } finally {
        await safe.stop()
        if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
        else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
      }
    },
  )

  it('to another server does not carry the password along', async () => {
    const stranger = await FileServer.start()
    try {
      stranger.files.set('/a', { bytes })
      server.answers.set('/here', '/a').set('/there', `${stranger.origin}/a`)
      server.files.set('/a', { bytes })
      const url = (path: string) => `${server.origin.replace('//', '//us:h%C3%A9@')}${path}`
      await readSource(url('/here'))
      expect(server.authorization).toBe(`Basic ${Buffer.from('us:hé').toString('base64')}`)
      await readSource(url('/there'))
      expect(stranger.authorization).toBeUndefined()
    } finally {
      await stranger.stop()
    }
  })
})

describe('retries are limited', () => {
  const breaks = () => Array.from({ length: 100 }, () => 500)
  it.each<[string, Parameters<FileServer['files']['set']>[1]]>([
    ['with ranges, but without a version', { bytes, etag: false, breaks: breaks() }],
    ['with a weak version', { bytes, etag: false, headers: { etag: 'W/"1"' }, breaks: breaks() }],
    ['without ranges', { bytes, ranges: false, breaks: breaks() }],
    ['with a version', { bytes, breaks: breaks() }],
  ])('if a server cuts off each response, %s', async (_, file) => {
    server.files.set('/cut', file)
    await expect(get('/cut')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    await expect(get('/cut', { cache: false })).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    expect(server.requests).toHaveLength(8)
    const kept = readdirSync(cache).length
    expect(kept, 'only what can be gone on with is kept').toBe(
      file.etag === undefined && file.ranges !== false ? 1 : kept,
    )
    if (file.etag === false) expect(kept).toBe(0)
  })
})

describe('a silent server', () => {
  it.each([-1, 0, 1000])('times out after %d bytes', async (silentAfter) => {
    server.files.set('/silent', { bytes, silentAfter })
    const start = performance.now()
    await expect(get('/silent', { timeout: 200 })).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('silent for 0.2 s'),
    })
    expect(performance.now() - start).toBeLessThan(20_000)
    // A request without any response is not repeated; a response that has begun is resumed.
    if (silentAfter < 0) expect(server.requests).toHaveLength(1)
    else expect(server.requests.length).toBeLessThanOrEqual(4)
  })

  it('falls back to the cached file', async () => {
    server.files.set('/silent', { bytes })
    await get('/silent')
    server.files.set('/silent', { bytes, silentAfter: -1 })
    expect(Buffer.compare(await get('/silent', { timeout: 200 }), bytes)).toBe(0)
  })

  it('may be slow as long as it sends something', async () => {
    server.files.set('/slow', { bytes, breaks: [10, 10, 10] })
    expect((await get('/slow', { timeout: 2000 })).length).toBe(bytes.length)
  })

  it.each(readers)('can be aborted: %s', async (_, read) => {
    server.files.set('/silent', { bytes, silentAfter: 100 })
    await expect(read(`${server.origin}/silent`, AbortSignal.timeout(100))).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })
})

describe('a compressed response', () => {
  const packed = (length: number) => ({
    bytes: gzipSync(Buffer.alloc(length), { level: 9 }),
    headers: { 'content-encoding': 'gzip' },
  })

  it('of a usual ratio is accepted', async () => {
    const file = { bytes: gzipSync(bytes), headers: { 'content-encoding': 'gzip' } }
    server.files.set('/packed', file)
    expect(Buffer.compare(await get('/packed', { size: bytes.length }), bytes)).toBe(0)
    expect(Buffer.compare(await readSource(`${server.origin}/packed`), bytes)).toBe(0)
    server.files.set('/packed', { ...file, length: false })
    expect(Buffer.compare(await get('/packed', { cache: false }), bytes)).toBe(0)
  })

  it('is restarted instead of resumed, because offsets in it are unknown', async () => {
    server.files.set('/packed', {
      bytes: gzipSync(bytes),
      headers: { 'content-encoding': 'gzip' },
      breaks: [9000],
    })
    expect(Buffer.compare(await get('/packed'), bytes)).toBe(0)
    expect(server.requests).toEqual(['/packed', '/packed'])
  })

  it.each([true, false])(
    'that unpacks to 400 MB is given up long before (length declared: %s)',
    async (length) => {
      server.files.set('/bomb', { ...packed(400 * MB), length })
      for (const read of [() => get('/bomb'), () => readSource(`${server.origin}/bomb`)]) {
        server.requests.length = 0
        const before = process.memoryUsage().arrayBuffers
        await expect(read()).rejects.toMatchObject({
          code: 'FILE_UNREADABLE',
          message: expect.stringContaining('unpacks (gzip) to more than'),
        })
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan((length ? 200 : 400) * MB)
        expect(server.requests).toHaveLength(1)
      }
      expect(readdirSync(cache)).toEqual([])
    },
  )

  it('that unpacks beyond its expected size is given up at that size', async () => {
    server.files.set('/bomb', packed(50 * MB))
    const seen: number[] = []
    const onProgress = ({ done }: { done: number }) => seen.push(done)
    await expect(get('/bomb', { size: 1000, onProgress })).rejects.toMatchObject({
      message: expect.stringContaining('more than the expected 1000 bytes'),
    })
    expect(Math.max(...seen)).toBeLessThanOrEqual(1000)
  })
})

describe('credentials in a URL', () => {
  it.each([
    ['https://host/a.onnx', 'https://host/a.onnx'],
    ['https://me:word@host/a.onnx?token=abc&x=#y', 'https://***@host/a.onnx?token=***&x=***'],
    ['https://host/a.onnx?word', 'https://host/a.onnx?***'],
    ['http://me:word@[bad/?token=abc', 'http://***@[bad/?***'],
    ['pictures/a?b.png', 'pictures/a?b.png'],
  ])('%s is shown as %s', (url, shown) => expect(withoutSecrets(url)).toBe(shown))

  it('appear in no message, no error property and no file', async () => {
    server.files.set('/page', { bytes: new TextEncoder().encode('<!doctype html>'), type: 'text/html' })
    server.files.set('/good', { bytes })
    const hosts = [server.origin, 'http://127.0.0.1:1', 'http://[']
    const urls = hosts.flatMap((host) =>
      ['/none', '/page', '/good'].map(
        (path) => `${host.replace('//', '//user:pass%20word@')}${path}?token=t0ken`,
      ),
    )
    const errors: unknown[] = []
    for (const url of urls) {
      const reads = [
        () => download(`${url}`, 'model', { cache, size: 5 }),
        () => readSource(url),
        () => drain(streamBytes(url)),
        () => decodeImage(url),
        () => openModel(url, { download: { cache } }),
      ]
      for (const read of reads) await read().catch((error) => errors.push(error))
    }
    expect(errors.length).toBeGreaterThan(30)
    const parts = /pass|word|t0ken|user/
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'SoftmarginError' })
      expect(inspect(error, { depth: 9 }).replace(/^\s+at .*$/gm, '')).not.toMatch(parts)
    }
    server.files.set('/good?token=t0ken', { bytes })
    await download(`${server.origin}/good?token=t0ken`, 'model', { cache })
    const [note] = readdirSync(cache).filter((name) => name.endsWith('.json'))
    expect(JSON.parse(readFileSync(join(cache, note), 'utf8')).url).toBe(`${server.origin}/good?token=***`)
    expect(readdirSync(cache).join()).not.toMatch(parts)
  })
})

it.each([
  ['hf:a/b@%/x', 'whose revision'],
  ['hf:a/b@%ff', 'whose revision'],
  ['hf:a/b@%2E%2E/x', 'whose revision'],
  ['hf:a/b@x%2F..%2Fy', 'whose revision'],
  ['hf:a/b/\ud800', 'whose file'],
  ['hf:a/b@%E0%A4%A', 'whose revision'],
])('%j is not a model on the hub', (source, part) => {
  expect(() => parseHubSource(source)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(part) }),
  )
})

describe('leftovers of killed processes', () => {
  const age = (name: string, seconds: number) => {
    const time = Date.now() / 1000 - seconds
    utimesSync(join(cache, name), time, time)
  }
  const day = 24 * 3600

  it('of downloads are removed once nothing can resume them', async () => {
    const hash = '0123456789abcdef'
    const old = [
      `${hash}-a_onnx.none.0badcafe.part`,
      `${hash}-a_onnx.12345678.part`,
      `${hash}-a_onnx.0badcafe.json`,
    ]
    const young = [`${hash}-b_onnx.12345678.part`, `${hash}-b_onnx.12345678.0badcafe.part`]
    const foreign = ['notes.part', 'a.0badcafe.json', `${hash}-whole_onnx`, `${hash}-whole_onnx.json`]
    for (const name of [...old, ...young, ...foreign]) {
      writeFileSync(join(cache, name), 'x')
      age(name, young.includes(name) ? day : 30 * day)
    }
    server.files.set('/a', { bytes })
    await get('/a')
    const left = readdirSync(cache).filter((name) => !name.endsWith('-a') && !name.endsWith('-a.json'))
    expect(left.sort()).toEqual([...young, ...foreign].sort())
  })

  it('of unfinished files are removed by the next writer', async () => {
    const uuid = crypto.randomUUID()
    // Larger than any process id on Linux.
    const gone = `.out.npz.4194304.${uuid}.tmp`
    const running = `.out.npz.${process.pid}.${uuid}.tmp`
    const fresh = `.out.npz.4194303.${uuid}.tmp`
    const forgotten = `.out.npz.1.${uuid}.tmp`
    const foreign = ['.out.npz.backup.tmp', `.other.npz.4194304.${uuid}.tmp`]
    for (const name of [gone, running, fresh, forgotten, ...foreign]) {
      writeFileSync(join(cache, name), 'half')
      age(name, name === fresh ? 1 : name === forgotten ? 2 * day : 3600)
    }
    await writeFileAtomically(join(cache, 'out.npz'), Uint8Array.of(1))
    expect(existsSync(join(cache, 'out.npz'))).toBe(true)
    expect(readdirSync(cache).sort()).toEqual([running, fresh, ...foreign, 'out.npz'].sort())
  })
})
