import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resnet18 } from '../../scripts/resnet18.js'
import { type Browser, call, openChromium, openPage, servePage } from '../support/chromium.ts'
import { type FileServer, sha256 } from '../support/file-server.ts'
import { layeredCnnBytes } from '../support/layered-cnn.ts'
import { hasProgram } from '../support/programs.ts'

/** The result of `load` in test/page/main.js. */
interface Loaded {
  seen: number[]
  layer?: string
  code?: string
  message?: string
}

describe.runIf(hasProgram('chromium'))('in Chromium', () => {
  let browser: Browser
  let server: FileServer
  beforeAll(async () => {
    server = await servePage()
    server.files.set('/resnet18.onnx', { bytes: resnet18({ widths: [16, 32, 64, 128] }) })
    browser = await openChromium()
  }, 300_000)
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
  })

  it('runs and trains the network on WebGPU, and runs it on WebAssembly after the GPU is lost', async () => {
    const checks = await call<{ what: string; holds: boolean }[]>(await openPage(browser, server), 'gpu')
    expect(checks).toHaveLength(13)
    expect(checks.filter(({ holds }) => !holds)).toEqual([])
  }, 600_000)

  it('extracts the same features from every kind of image that a page has', async () => {
    const seen = await call<{ labels: string[]; loose: string; differences: Record<string, number> }>(
      await openPage(browser, server),
      'drawn',
    )
    expect(seen.labels).toEqual(['cat', 'dog'])
    expect(seen.loose).toBe('EMPTY_INPUT')
    // A video frame went through YUV or not, as the browser likes; all others keep their pixels.
    const { VideoFrame, ...others } = seen.differences
    expect(Object.keys(others)).toHaveLength(10)
    expect(Object.values(others)).toEqual(Array(10).fill(0))
    expect(VideoFrame).toBeLessThan(0.05)
  }, 120_000)

  it('extracts the features of the frame that a video shows', async () => {
    const seen = await call<{
      refused: { code: string; message: string }
      cols: number
      difference: number
    }>(await openPage(browser, server), 'video')
    expect(seen.refused.code).toBe('IMAGE_UNREADABLE')
    expect(seen.refused.message).toContain('wait for its event loadeddata')
    expect(seen.cols).toBe(288)
    expect(seen.difference).toBeLessThan(0.05)
  }, 120_000)

  describe('a downloaded model', () => {
    const bytes = layeredCnnBytes()
    const whole = { layer: 'features' }
    const load = async (path: string, download: object = {}) =>
      call<Loaded>(await openPage(browser, server), 'load', path, download)
    const kept = async (name = 'softmargin') =>
      call<string[] | undefined>(await openPage(browser, server), 'kept', name)
    const requestsOf = async (work: () => Promise<unknown>, path: string) => {
      const before = server.requests.length
      await work()
      return server.requests.slice(before).filter((request) => request.startsWith(path))
    }

    it('is kept in the Cache API, reused by the next page, and revalidated with the server', async () => {
      server.files.set('/kept.onnx', { bytes })
      const first = await load('/kept.onnx')
      expect(first).toMatchObject(whole)
      expect(first.seen.at(-1)).toBe(bytes.length)
      expect(await kept()).toContain('/kept.onnx')
      const second = await load('/kept.onnx')
      expect(second).toEqual({ ...whole, seen: [] })
      server.files.set('/kept.onnx', { bytes: layeredCnnBytes({ metadata: { changed: 'yes' } }) })
      const third = await load('/kept.onnx')
      expect(third.seen.at(-1)).toBeGreaterThan(bytes.length)
    })

    it('with a known hash is not requested again, and is served while the server fails', async () => {
      server.files.set('/known.onnx', { bytes })
      expect(await load('/known.onnx')).toMatchObject(whole)
      const again = () => load('/known.onnx', { sha256: sha256(bytes) })
      expect(await requestsOf(again, '/known.onnx')).toEqual([])
      server.answers.set('/known.onnx', 503)
      expect(await load('/known.onnx')).toMatchObject(whole)
    })

    it('resumes after the connection breaks', async () => {
      server.files.set('/broken.onnx', { bytes, breaks: [400] })
      const requests = await requestsOf(async () => {
        expect(await load('/broken.onnx')).toMatchObject(whole)
      }, '/broken.onnx')
      expect(requests).toEqual(['/broken.onnx', '/broken.onnx bytes=400-'])
      expect(await kept()).toContain('/broken.onnx')
    })

    it('is not kept if its hash is wrong or the server sends a page instead', async () => {
      server.files.set('/wrong.onnx', { bytes })
      server.files.set('/page.onnx', {
        bytes: new TextEncoder().encode('<!doctype html><title>Sign in</title>'),
      })
      expect(await load('/wrong.onnx', { sha256: '0'.repeat(64) })).toMatchObject({ code: 'FILE_UNREADABLE' })
      expect(await load('/page.onnx')).toMatchObject({ code: 'MODEL_UNREADABLE' })
      const names = await kept()
      expect(names).not.toContain('/wrong.onnx')
      expect(names).not.toContain('/page.onnx')
    })

    it('can be kept under another cache name or not at all', async () => {
      server.files.set('/named.onnx', { bytes })
      expect(await load('/named.onnx', { cache: false })).toMatchObject(whole)
      expect(await load('/named.onnx', { cache: 'birds' })).toMatchObject(whole)
      expect(await kept()).not.toContain('/named.onnx')
      expect(await kept('birds')).toEqual(['/named.onnx'])
    })
  })
})
