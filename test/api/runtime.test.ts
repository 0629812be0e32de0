import { describe, expect, it } from 'vitest'
import { FeatureExtractor, FeatureStore, ImageClassifier } from '../../src/index.ts'
import { digit } from '../support/digits.ts'

describe('a saved classifier', () => {
  it('runs in the recorded runtime: onnxruntime-web if it was requested, else the engine', async () => {
    const images = [digit(0, 0), digit(0, 1), digit(7, 0), digit(7, 1)]
    for (const [runtime, name] of [
      ['onnxruntime', 'onnxruntime'],
      ['auto', 'engine'],
      ['engine', 'engine'],
    ] as const) {
      using classifier = await ImageClassifier.create({ extractor: { runtime } })
      await classifier.fit(images, [0, 0, 1, 1])
      const file = await classifier.save()
      using loaded = await ImageClassifier.load(file)
      expect(loaded.extractor.runtime.name).toBe(name)
      expect(await loaded.extractor.extract(images)).toEqual(await classifier.extractor.extract(images))
      using elsewhere = await ImageClassifier.load(file, { runtime: 'engine' })
      expect(elsewhere.extractor.runtime.name).toBe('engine')
    }
  })

  it('rejects unknown options on load', async () => {
    const wanted = { code: 'INVALID_ARGUMENT', message: expect.stringContaining("did you mean 'runtime'?") }
    await expect(ImageClassifier.load('no.onnx', { runtimes: 'engine' } as never)).rejects.toMatchObject(
      wanted,
    )
    await expect(ImageClassifier.load('no.onnx', { runtime: 'tfjs' as never })).rejects.toMatchObject({
      argument: 'runtime',
    })
  })
})

describe('a feature store', () => {
  it('rejects features computed by another runtime', async () => {
    using store = FeatureStore.inMemory()
    using one = await FeatureExtractor.create({ runtime: 'onnxruntime' })
    await store.extract(one, [digit(0, 0)])
    using other = await FeatureExtractor.create()
    await expect(store.extract(other, [digit(0, 1)])).rejects.toMatchObject({
      code: 'FEATURES_MISMATCH',
      message: expect.stringContaining('computed by onnxruntime-web, but the extractor runs in engine'),
    })
  })
})
