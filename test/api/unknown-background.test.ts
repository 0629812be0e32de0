import { env, InferenceSession, Tensor } from 'onnxruntime-web'
import { describe, expect, it, vi } from 'vitest'
import { FeatureExtractor, FeatureStore, ImageClassifier, type Label } from '../../src/index.ts'
import { readModel } from '../../src/onnx/graph/read-model.ts'
import { ModelProtoSchema } from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import { labelledDigits } from '../support/digits.ts'
import { nativeOrt } from '../support/native-ort.ts'
import { pixelValues } from '../support/pixel-values.ts'

env.wasm.numThreads = 1

const extractor = { layer: 'stage3', pooling: 'average' } as const
const store = await FeatureStore.inMemory()
const known = labelledDigits([0, 1, 7], 40)
const more = labelledDigits([0, 1, 7], 40, 40)
const background = labelledDigits([2, 3, 4, 5], 40).images
const others = labelledDigits([6, 8, 9], 40).images

/** The share of pairs of a known and another digit in which the known one has the higher score. */
async function area(classifier: ImageClassifier<Label, null>): Promise<number> {
  const scores = await classifier.knownScore(more.images)
  const other = await classifier.knownScore(others)
  const pairs = [...scores].flatMap((score) => [...other].map((each) => Number(score > each)))
  return pairs.reduce((sum, each) => sum + each, 0) / pairs.length
}

describe('unknown.background', () => {
  it('tells digits of other classes apart better than without it', async () => {
    using plain = await ImageClassifier.create({ extractor, store, unknown: true })
    await plain.fit(known.images, known.labels)
    using classifier = await ImageClassifier.create({
      extractor,
      store,
      unknown: { background, reject: 0.1 },
    })
    const stages = new Set<string>()
    await classifier.fit(known.images, known.labels, { onProgress: ({ stage }) => stages.add(stage) })
    expect(stages.has('background')).toBe(true)
    expect(await area(classifier)).toBeGreaterThan((await area(plain)) + 0.01)
    const scores = await classifier.knownScore(more.images)
    const refused = scores.filter((score) => score < 0).length / scores.length
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThan(0.3)
    const { unknown } = await classifier.evaluate(more.images, more.labels)
    expect(unknown).toMatchObject({ refused, known: more.images.length, others: 0 })
  })

  it('is saved with the classifier: load, refit and ONNX Runtime give the same results', async () => {
    using classifier = await ImageClassifier.create({ extractor, store, unknown: { background } })
    await classifier.fit(known.images, known.labels)
    const images = [...more.images.slice(0, 40), ...others.slice(0, 40)]
    const bytes = await classifier.save()
    using loaded = await ImageClassifier.load(bytes, { store })
    const scores = await classifier.knownScore(images)
    expect(await loaded.knownScore(images)).toEqual(scores)
    expect(await loaded.save()).toEqual(bytes)

    const { preprocess } = classifier.extractor.describe()
    const { data, dims } = await pixelValues(images, preprocess)
    const native = nativeOrt()
    for (const ort of [{ InferenceSession, Tensor }, ...(native ? [native] : [])]) {
      const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 })
      const input = new ort.Tensor('float32', data, dims)
      const theirs = (await session.run({ pixel_values: input })).known.data as Float32Array
      for (const [i, score] of scores.entries()) {
        expect(Math.abs(theirs[i] - score) / Math.max(1, Math.abs(score))).toBeLessThan(1e-4)
      }
      await session.release()
    }

    // A refit keeps the background, in the loaded classifier too.
    const eights = labelledDigits([8], 40)
    for (const each of [classifier, loaded]) {
      await each.add(eights.images, eights.labels)
      await each.refit()
    }
    const again = await classifier.knownScore(images)
    expect(await loaded.knownScore(images)).toEqual(again)
    const backgroundScores = await loaded.knownScore(background)
    expect(backgroundScores.filter((score) => score < 0).length / background.length).toBeGreaterThan(0.8)
  })

  it('is left out with a warning where it is nothing like the classes', async () => {
    const noise = Array.from({ length: 100 }, (_, n) => ({
      data: Uint8Array.from({ length: 32 * 32 }, (_, i) => (i * (n + 3) * 37) % 256),
      width: 32,
      height: 32,
      channels: 1 as const,
    }))
    using plain = await ImageClassifier.create({ extractor, store, unknown: true })
    await plain.fit(known.images, known.labels)
    using classifier = await ImageClassifier.create({ extractor, store, unknown: { background: noise } })
    const onWarning = vi.fn()
    await classifier.fit(known.images, known.labels, { onWarning })
    expect(onWarning.mock.calls.flat().join()).toMatch(/background are so unlike those of the classes/)
    expect(await classifier.knownScore(more.images)).toEqual(await plain.knownScore(more.images))
    // The default ones hold photos, and the classes are digits.
    for (const [i, model] of ['tiny', 'small'].entries()) {
      using bundled = await ImageClassifier.create({
        extractor: { model },
        unknown: { background: 'default' },
      })
      await bundled.fit(known.images, known.labels, { onWarning })
      expect(onWarning).toHaveBeenCalledTimes(2 + i)
    }
  })

  it('leaves out unreadable pictures, or names them', async () => {
    using classifier = await ImageClassifier.create({
      extractor,
      store,
      unknown: { background: [...background, new Uint8Array(9)] },
    })
    await expect(classifier.fit(known.images, known.labels)).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      argument: `unknown.background[${background.length}]`,
    })
    const onUnreadable = vi.fn()
    await classifier.fit(known.images, known.labels, { onUnreadable })
    expect(onUnreadable).not.toHaveBeenCalled()
    expect(await area(classifier)).toBeGreaterThan(0.9)
  })

  it.each([
    ['INVALID_ARGUMENT', { background: 'photos' as never }],
    ['INVALID_ARGUMENT', { background: null as never }],
    ['TOO_FEW_ROWS', { background: background.slice(0, 99) }],
  ])('throws %s', async (code, unknown) => {
    const error = { code, argument: 'unknown.background' }
    await expect(ImageClassifier.create({ unknown })).rejects.toMatchObject(error)
  })

  it("'default' needs the features that it was made of", async () => {
    const unknown = { background: 'default' } as const
    const error = { code: 'INVALID_ARGUMENT', argument: 'unknown.background', received: 'default' }
    for (const other of [
      extractor,
      { mirror: true },
      { shift: 1 / 16 },
      { layer: 'auto' },
      { preprocess: { size: 64 } },
    ] as const) {
      await expect(ImageClassifier.create({ extractor: other, unknown })).rejects.toMatchObject(error)
    }
    await expect(ImageClassifier.create({ fineTune: true, unknown })).rejects.toMatchObject(error)
    using made = await FeatureExtractor.create({ layer: 'stage4' })
    await expect(ImageClassifier.create({ extractor: made, unknown })).rejects.toMatchObject(error)
  })

  it('a saved file with damaged numbers is refused', async () => {
    using classifier = await ImageClassifier.create({ extractor, store, unknown: { background } })
    await classifier.fit(known.images, known.labels)
    const bytes = await classifier.save()
    const damages = {
      'background-whiten': (tensor: Uint8Array<ArrayBuffer>) => tensor.subarray(4),
      'background-far-rows': (tensor: Uint8Array<ArrayBuffer>) => tensor.subarray(2),
      'background-near-coefficients': (tensor: Uint8Array<ArrayBuffer>) => tensor.subarray(4),
      'background-gamma': () => new Uint8Array(new Float32Array([0]).buffer),
      'background-bandwidth': () => new Uint8Array(new Float32Array([Number.NaN]).buffer),
    }
    for (const [name, damage] of Object.entries(damages)) {
      const model = readModel(bytes.slice())
      const tensor = model.graph!.initializer.find((each) => each.name.endsWith(name))!
      tensor.rawData = damage(tensor.rawData)
      const broken = toBinary(ModelProtoSchema, model)
      await expect(ImageClassifier.load(broken)).rejects.toMatchObject({ code: 'MODEL_UNREADABLE' })
    }
  })
})
