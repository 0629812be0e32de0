import { env, InferenceSession, Tensor } from 'onnxruntime-web'
import { describe, expect, it } from 'vitest'
import { FeatureStore, ImageClassifier, type RawImage } from '../../src/index.ts'
import { readModel } from '../../src/onnx/graph/read-model.ts'
import { ModelProtoSchema } from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import { labelledDigits } from '../support/digits.ts'
import { nativeOrt } from '../support/native-ort.ts'
import { pixelValues } from '../support/pixel-values.ts'

env.wasm.numThreads = 1

const extractor = { layer: 'stage3', pooling: { grid: 2 } } as const

/** Pictures of none of the classes: waves of colour. */
function waves(count: number): RawImage[] {
  return Array.from({ length: count }, (_, n) => ({
    data: Uint8Array.from(
      { length: 32 * 32 * 3 },
      (_, i) => 128 + 127 * Math.sin((i * (n + 2)) / 50 + (i % 3)),
    ),
    width: 32,
    height: 32,
    channels: 3 as const,
  }))
}

const known = labelledDigits([0, 1, 7], 40)
const more = labelledDigits([0, 1, 7], 60, 40)

describe('unknown', () => {
  it('rejects images unlike the training set and accepts most others', async () => {
    using plain = await ImageClassifier.create({ extractor })
    await plain.fit(known.images, known.labels)
    using classifier = await ImageClassifier.create({ extractor, unknown: true })
    await classifier.fit(known.images, known.labels)
    expect(await classifier.predict(waves(10))).toEqual(new Array(10).fill(null))
    expect([...(await classifier.knownScore(waves(10)))].every((score) => score < 0)).toBe(true)

    const scores = await classifier.knownScore(more.images)
    const labels = await classifier.predict(more.images)
    const usual = await plain.predict(more.images)
    expect(labels).toEqual(usual.map((label, i) => (scores[i] > 0 ? label : null)))
    const refused = labels.filter((label) => label === null).length / labels.length
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThan(0.2)
    // Other digits have much lower scores.
    const others = await classifier.knownScore(labelledDigits([2, 4, 5], 40).images)
    const alike = [...scores].flatMap((score) => [...others].map((other) => Number(score > other)))
    expect(alike.reduce((sum, each) => sum + each, 0) / alike.length).toBeGreaterThan(0.9)
  })

  it('rejects the requested share and returns the requested label', async () => {
    const refused = async (reject: number) => {
      using classifier = await ImageClassifier.create({ extractor, unknown: { reject, label: 'other' } })
      await classifier.fit(known.images, known.labels)
      const labels = await classifier.predict(more.images)
      return labels.filter((label) => label === 'other').length / labels.length
    }
    const [few, many] = [await refused(0.02), await refused(0.4)]
    expect(few).toBeLessThan(0.15)
    expect(Math.abs(many - 0.4)).toBeLessThan(0.15)
  })

  it('evaluate() reports rejected and wrongly accepted images', async () => {
    using classifier = await ImageClassifier.create({ extractor, unknown: true, probability: true })
    await classifier.fit(known.images, known.labels)
    const others = labelledDigits([4], 40)
    const images = [...more.images, ...others.images]
    const labels = [...more.labels, ...others.labels]
    const { unknown, accuracy } = await classifier.evaluate(images, labels)
    const predicted = await classifier.predict(images)
    const acceptedOthers = predicted.slice(more.images.length).filter((label) => label !== null).length
    expect(unknown).toEqual({
      refused:
        predicted.slice(0, more.images.length).filter((label) => label === null).length / more.images.length,
      wronglyAccepted: acceptedOthers / others.images.length,
      accuracyOfAccepted:
        predicted.filter((label, i) => label === labels[i]).length /
        predicted.filter((label) => label !== null).length,
      known: more.images.length,
      others: others.images.length,
    })
    expect(accuracy).toBeLessThan(unknown!.accuracyOfAccepted)
    const both = await classifier.predictWithProba(images, { onUnreadable: () => {} })
    expect(both.labels).toEqual(predicted)
    using plain = await ImageClassifier.create({ extractor })
    await plain.fit(known.images, known.labels)
    expect((await plain.evaluate(images, labels)).unknown).toBeUndefined()
    await expect(plain.knownScore(images)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'unknown',
    })
  })

  it('knownScore() is NaN for unreadable images', async () => {
    using classifier = await ImageClassifier.create({ extractor, unknown: true })
    await classifier.fit(known.images, known.labels)
    const bad: number[] = []
    const asked = [known.images[0], new Uint8Array(9), known.images[1]]
    const scores = await classifier.knownScore(asked, { onUnreadable: (index) => bad.push(index) })
    expect([...scores].map(Number.isNaN)).toEqual([false, true, false])
    expect(bad).toEqual([1])
  })

  it('is saved with the classifier: load, refit and ONNX Runtime give the same results', async () => {
    const store = await FeatureStore.inMemory()
    const unknown = { reject: 0.1, label: 'other' }
    using classifier = await ImageClassifier.create({ extractor, unknown, probability: true, store })
    await classifier.fit(known.images, known.labels)
    const images = [...more.images.slice(0, 50), ...waves(10)]
    const bytes = await classifier.save()
    using loaded = await ImageClassifier.load(bytes, { store })
    const scores = await classifier.knownScore(images)
    expect(await loaded.knownScore(images)).toEqual(scores)
    expect(await loaded.predict(images)).toEqual(await classifier.predict(images))
    expect(await loaded.save()).toEqual(bytes)

    const { preprocess } = classifier.extractor.describe()
    const { data, dims } = await pixelValues(images, preprocess)
    const native = nativeOrt()
    for (const ort of [{ InferenceSession, Tensor }, ...(native ? [native] : [])]) {
      const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 })
      expect(session.outputNames).toEqual(['label', 'probabilities', 'features', 'known'])
      const input = new ort.Tensor('float32', data, dims)
      const answer = await session.run({ pixel_values: input })
      const theirs = answer.known.data as Float32Array
      expect(answer.known.dims).toEqual([images.length])
      for (const [i, score] of scores.entries()) {
        expect(Math.abs(theirs[i] - score) / Math.max(1, Math.abs(score))).toBeLessThan(1e-4)
      }
      await session.release()
    }

    const threes = labelledDigits([3], 40)
    await loaded.add(threes.images, threes.labels)
    await loaded.refit()
    const now = await loaded.knownScore(labelledDigits([3], 40, 40).images)
    expect([...now].filter((score) => score > 0).length).toBeGreaterThan(30)
  })

  it.each([
    ['INVALID_ARGUMENT', 'unknown', () => ImageClassifier.create({ unknown: 1 as never })],
    ['INVALID_ARGUMENT', 'unknown.reject', () => ImageClassifier.create({ unknown: { reject: 0 } })],
    ['INVALID_ARGUMENT', 'unknown.reject', () => ImageClassifier.create({ unknown: { reject: 1 } })],
    ['INVALID_ARGUMENT', 'unknown.label', () => ImageClassifier.create({ unknown: { label: {} as never } })],
    ['INVALID_ARGUMENT', undefined, () => ImageClassifier.create({ unknown: { rejct: 0.1 } as never })],
    [
      'TOO_FEW_ROWS',
      'labels',
      async () => {
        using classifier = await ImageClassifier.create({ extractor, unknown: true })
        await classifier.fit(known.images.slice(0, 12), known.labels.slice(0, 12))
      },
    ],
    [
      'INVALID_ARGUMENT',
      'unknown',
      async () => {
        using classifier = await ImageClassifier.create({
          extractor: { layer: 'stage3', pooling: 'none' },
          unknown: true,
        })
        await classifier.fit(known.images, known.labels)
      },
    ],
  ])('throws %s for %s', async (code, argument, call) => {
    await expect(call()).rejects.toMatchObject({ code, ...(argument && { argument }) })
  })

  it('rejects a saved file with damaged numbers', async () => {
    using classifier = await ImageClassifier.create({ extractor, unknown: true })
    await classifier.fit(known.images, known.labels)
    const bytes = await classifier.save()
    const damages: ((model: ReturnType<typeof readModel>) => void)[] = [
      (model) => {
        model.graph!.initializer = model.graph!.initializer.filter(
          ({ name }) => !name.endsWith('known-whiten'),
        )
      },
      (model) => {
        model.graph!.initializer.find(({ name }) => name.endsWith('known-mean'))!.rawData.fill(255)
      },
      (model) => {
        const entry = model.metadataProps.find(({ key }) => key === 'softmargin')!
        entry.value = entry.value.replace('"reject":0.05', '"reject":5')
      },
    ]
    for (const damage of damages) {
      const model = readModel(bytes.slice())
      damage(model)
      const broken = toBinary(ModelProtoSchema, model)
      await expect(ImageClassifier.load(broken)).rejects.toMatchObject({ code: 'MODEL_UNREADABLE' })
    }
  })
})
