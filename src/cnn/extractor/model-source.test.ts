import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FileServer } from '../../../test/support/file-server.ts'
import { layeredCnnBytes } from '../../../test/support/layered-cnn.ts'
import { splitCnn } from '../../../test/support/model-kinds.ts'
import { FeatureExtractor } from './extractor.ts'
import { openModel } from './model-source.ts'

const bytes = layeredCnnBytes()
const text = (content: string) => new TextEncoder().encode(content)
let server: FileServer
let cache: string
beforeAll(async () => {
  cache = mkdtempSync(join(tmpdir(), 'softmargin-'))
  server = await FileServer.start()
  server.files
    .set('/model.onnx', { bytes })
    .set('/page.onnx', { bytes: text('<!doctype html><title>Sign in</title>'), type: 'text/html' })
    .set('/half.onnx', { bytes: bytes.subarray(0, 500) })
    .set('/us/cats/resolve/main/onnx/model.onnx', { bytes })
    .set('/us/cats/resolve/main/preprocessor_config.json', {
      bytes: text('{"do_resize": true, "size": {"height": 8, "width": 12}, "image_mean": [0.5, 0.5, 0.5]}'),
    })
    .set('/us/dogs/resolve/v1.0/model.onnx', { bytes })
    .set('/us/dogs/resolve/refs/pr/1/small/model_fp16.onnx', { bytes })
    .set('/us/odd/resolve/main/model.onnx', { bytes })
    .set('/us/odd/resolve/main/preprocessor_config.json', {
      bytes: text('{"do_resize": true, "resample": 1}'),
    })
    .set('/us/bad/resolve/main/model.onnx', { bytes })
    .set('/us/bad/resolve/main/preprocessor_config.json', { bytes: text('not JSON') })
})
afterAll(async () => {
  await server.stop()
  rmSync(cache, { recursive: true })
})

const download = () => ({ cache, endpoint: server.origin })

describe('a model', () => {
  it('from a URL is downloaded with progress, verified and cached', async () => {
    const seen: number[] = []
    const options = { download: download(), onProgress: ({ done }: { done: number }) => seen.push(done) }
    using extractor = await FeatureExtractor.create({
      model: new URL(`${server.origin}/model.onnx`),
      ...options,
    })
    expect(extractor.describe()).toMatchObject({ model: `${server.origin}/model.onnx`, layer: 'features' })
    expect(seen.at(-1)).toBe(bytes.length)
    expect(readdirSync(cache).some((name) => name.endsWith('model_onnx'))).toBe(true)
  })

  it('from the hub is found as transformers.js finds it and preprocessed as its configuration says', async () => {
    using extractor = await FeatureExtractor.create({ model: 'hf:us/cats', download: download() })
    expect(extractor.describe()).toMatchObject({
      model: 'hf:us/cats',
      preprocess: { size: { width: 12, height: 8 }, mean: [0.5, 0.5, 0.5] },
    })
    const preprocess = { size: 16 }
    using other = await FeatureExtractor.create({ model: 'hf:us/cats', download: download(), preprocess })
    expect(other.describe().preprocess).toMatchObject({ size: { width: 16 }, mean: [0.5, 0.5, 0.5] })
  })

  it.each([
    ['hf:us/dogs@v1.0', 'a revision, and the file at the top'],
    ['hf:us/dogs@refs%2Fpr%2F1/small/model_fp16.onnx', 'a revision with slashes, and a file'],
  ])('%s: %s', async (source) => {
    expect(await openModel(source, { download: download() })).toMatchObject({ name: source })
  })

  it('from the hub may have external weights', async () => {
    const { model, data } = splitCnn()
    server.files.set('/us/big/resolve/main/onnx/model.onnx', { bytes: model })
    const options = { model: 'hf:us/big', download: download() }
    await expect(FeatureExtractor.create(options)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    server.files.set('/us/big/resolve/main/onnx/weights.bin', { bytes: data })
    using extractor = await FeatureExtractor.create(options)
    expect(extractor.featureSize).toBe(6)
  })

  it.each([
    ['hf:us/odd', 'preprocess.resample must be'],
    ['hf:us/bad', 'preprocessor_config.json of us/bad is not valid JSON: pass the option preprocess'],
  ])("from the hub with unusable preprocessing needs the caller's preprocess: %s", async (model, phrase) => {
    const options = { model, download: download() }
    await expect(FeatureExtractor.create(options)).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
      message: expect.stringContaining(phrase),
    })
    using extractor = await FeatureExtractor.create({ ...options, preprocess: { size: 16 } })
    expect(extractor.featureSize).toBe(6)
  })
})

describe('is rejected and not cached:', () => {
  it.each<[string, string, string, string]>([
    ['an HTML page', '/page.onnx', 'MODEL_UNREADABLE', 'must be an ONNX model, but is an HTML page'],
    ['a truncated model', '/half.onnx', 'MODEL_UNREADABLE', 'truncated'],
    ['nothing', '/nothing.onnx', 'FILE_UNREADABLE', '404'],
  ])('%s', async (_, path, code, phrase) => {
    const model = `${server.origin}${path}`
    const before = readdirSync(cache)
    const error = await FeatureExtractor.create({ model, download: download() }).catch((e) => e)
    expect(error).toMatchObject({ code, argument: expect.stringContaining('model') })
    expect(error.message).toContain(phrase)
    expect(error.message).toContain(model)
    expect(readdirSync(cache)).toEqual(before)
  })

  it.each([
    ['hf:us/nobody', 'FILE_UNREADABLE', '404'],
    ['hf:us/bad', 'MODEL_UNREADABLE', 'preprocessor_config.json of us/bad is not valid JSON'],
    ['hf:us', 'INVALID_ARGUMENT', `'hf:owner/name'`],
    ['hf:us/cats/../../x', 'INVALID_ARGUMENT', `'hf:owner/name'`],
  ])('%s', async (model, code, phrase) => {
    const error = await openModel(model, { download: download() }).catch((e) => e)
    expect(error).toMatchObject({ code, message: expect.stringContaining(phrase) })
  })
})
