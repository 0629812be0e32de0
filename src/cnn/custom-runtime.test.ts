import * as web from 'onnxruntime-web'
import { describe, expect, it } from 'vitest'
import { nativeOrt } from '../../test/support/native-ort.ts'
import { FeatureStore } from '../store/feature-store.ts'
import type { OrtModule } from './custom-runtime.ts'
import { type ExtractorOptions, FeatureExtractor } from './extractor/extractor.ts'

const image = (i: number) => ({
  data: Uint8Array.from({ length: 32 * 32 * 3 }, (_, j) => (i * 31 + j * 7) % 256),
  width: 32,
  height: 32,
  channels: 3 as const,
})
const images = Array.from({ length: 10 }, (_, i) => image(i))
const native = nativeOrt()

/** onnxruntime-web with a record of the options of its sessions. */
function recording(): { module: OrtModule; options: object[] } {
  const options: object[] = []
  const create = (model: Uint8Array, o: object = {}) => {
    options.push(o)
    return web.InferenceSession.create(model, { ...o, executionProviders: ['wasm'] })
  }
  return { module: { InferenceSession: { create }, Tensor: web.Tensor }, options }
}

describe('a runtime passed by the caller', () => {
  it('onnxruntime-web as a module gives the same bits as by name', async () => {
    const choices = [{ layer: 'stage2' }, { layer: 'stage3', pooling: { grid: 2 } }]
    using given = await FeatureExtractor.create({ runtime: web })
    using own = await FeatureExtractor.create({ runtime: 'onnxruntime' })
    expect(given.runtime).toMatchObject({ name: 'given', module: 'onnxruntime-web' })
    expect(given.device).toBe('given')
    expect((await given.extract(images)).data).toEqual((await own.extract(images)).data)
    const [ours, theirs] = [
      await given.extractLayers(images, choices),
      await own.extractLayers(images, choices),
    ]
    for (const [i, { data }] of ours.entries()) expect(data).toEqual(theirs[i].data)
    using inner = await given.withLayer({ layer: 'stage1' })
    expect(inner.runtime.name).toBe('given')
  })

  it('accepts the default export of a module', async () => {
    using extractor = await FeatureExtractor.create({ runtime: { default: web } as unknown as OrtModule })
    expect((await extractor.extract(images)).rows).toBe(images.length)
  })

  it('passes execution providers and threads to the module unchanged', async () => {
    const { module, options } = recording()
    const executionProviders = [{ name: 'webnn', deviceType: 'gpu' }, 'cpu']
    using extractor = await FeatureExtractor.create({ runtime: module, executionProviders, threads: 3 })
    expect(options).toEqual([{ logSeverityLevel: 3, executionProviders, intraOpNumThreads: 3 }])
    expect(extractor.runtime).toEqual({
      name: 'given',
      reason: 'unnamed was given',
      module: 'unnamed',
      executionProviders: ['webnn', 'cpu'],
    })
  })

  it('is released with the extractor', async () => {
    const extractor = await FeatureExtractor.create({ runtime: web })
    extractor.dispose()
    await expect(extractor.extract(images)).rejects.toMatchObject({ code: 'DISPOSED' })
  })

  it.each<[string, unknown, RegExp]>([
    ['nothing', {}, /lacks InferenceSession\.create\(\)/],
    ['no Tensor', { InferenceSession: web.InferenceSession }, /lacks Tensor/],
    ['no create', { InferenceSession: {}, Tensor: web.Tensor }, /lacks InferenceSession\.create\(\)/],
    [
      'sessions without run',
      { InferenceSession: { create: async () => ({}) }, Tensor: web.Tensor },
      /lacks run\(\) of a session/,
    ],
    [
      'runs without outputs',
      { InferenceSession: { create: async () => ({ run: async () => undefined }) }, Tensor: web.Tensor },
      /lacks outputs of run\(\)/,
    ],
    ['the name of a package', 'onnxruntime-node', /'auto', 'engine', 'onnxruntime' or a module/],
    ['null', null, /'auto', 'engine', 'onnxruntime' or a module/],
  ])('a module that has %s is rejected', async (_, runtime, message) => {
    const error = await FeatureExtractor.create({ runtime: runtime as OrtModule }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'runtime' })
    expect(error.message).toMatch(message)
  })

  it('throws if the module omits an output', async () => {
    const create = async () => ({ run: async () => ({}) })
    const runtime = { InferenceSession: { create }, Tensor: web.Tensor }
    await expect(FeatureExtractor.create({ runtime })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'runtime',
    })
  })

  it.each<[ExtractorOptions, string]>([
    [{ executionProviders: ['cuda'] }, 'executionProviders'],
    [{ runtime: web, executionProviders: [] }, 'executionProviders'],
    [{ runtime: web, executionProviders: [''] }, 'executionProviders'],
    [{ runtime: web, executionProviders: 'cuda' as unknown as string[] }, 'executionProviders'],
    [{ runtime: web, device: 'webgpu' }, 'device'],
    [{ runtime: web, threads: 0 }, 'threads'],
  ])('%o is rejected', async (options, argument) => {
    await expect(FeatureExtractor.create(options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument,
    })
  })
})

describe.skipIf(!native)('onnxruntime-node', () => {
  const runtime = native as OrtModule

  it('gives features that differ from onnxruntime-web only in low bits', async () => {
    using ours = await FeatureExtractor.create({ runtime, pooling: 'none' })
    using theirs = await FeatureExtractor.create({ runtime: 'onnxruntime', pooling: 'none' })
    expect(ours.runtime).toMatchObject({ name: 'given', module: 'onnxruntime-node' })
    const [a, b] = [await ours.extract(images), await theirs.extract(images)]
    const most = b.data.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
    for (const [i, value] of a.data.entries()) expect(Math.abs(value - b.data[i])).toBeLessThan(1e-5 * most)
  })

  it('a store distinguishes its features and names both runtimes', async () => {
    const store = FeatureStore.inMemory()
    using ours = await FeatureExtractor.create({ runtime })
    await store.extract(ours, images)
    expect(store.maker?.runtime).toBe('onnxruntime-node')
    using theirs = await FeatureExtractor.create({ runtime: 'onnxruntime' })
    await expect(store.extract(theirs, images)).rejects.toMatchObject({
      code: 'FEATURES_MISMATCH',
      message: expect.stringContaining(
        'computed by onnxruntime-node, but the extractor runs in onnxruntime-web',
      ),
    })
    const kept = await FeatureStore.fromNpz(await store.toNpz())
    expect(kept.maker).toEqual(store.maker)
    using again = await FeatureExtractor.create({ runtime, executionProviders: ['cpu'] })
    await expect(kept.extract(again, images)).rejects.toMatchObject({ code: 'FEATURES_MISMATCH' })
  })

  it('names what is missing: an execution provider, a file that it cannot read', async () => {
    const executionProviders = ['no-such-provider']
    const error = await FeatureExtractor.create({ runtime, executionProviders }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED' })
    expect(error.message).toContain('no-such-provider')
  })
})

describe('extractor options', () => {
  it.each([
    ['pooling', { poling: 'average' }, "did you mean 'pooling'?"],
    ['nothing similar', { quality: 1 }, "unknown option 'quality' in options; the options are model, "],
  ])('an unknown one is rejected: %s', async (_, options, message) => {
    const error = await FeatureExtractor.create(options as ExtractorOptions).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'options' })
    expect(error.message).toContain(message)
  })
})
