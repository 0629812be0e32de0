import { describe, expect, it } from 'vitest'
import { digit } from '../../../test/support/digits.ts'
import { FeatureStore } from '../../store/feature-store.ts'
import { SVC } from '../../svm/svc.ts'
import { ImageClassifier } from '../image-classifier.ts'

const extractor = { layer: 'stage3', pooling: { grid: 2 } } as const
const store = await FeatureStore.inMemory()
const kinds = [1, 4, 9]
const images = kinds.flatMap((kind) => Array.from({ length: 8 }, (_, n) => digit(kind, n)))
const labels = kinds.flatMap((kind) => Array<number>(8).fill(kind))

describe('leaveOneOut()', () => {
  it('judges each image by an SVM fitted on the others, on the features as they are scaled', async () => {
    using classifier = await ImageClassifier.create({ extractor, store })
    await classifier.fit(images, labels)
    const seen: number[] = []
    const found = await classifier.leaveOneOut({
      onProgress({ stage, done, total }) {
        expect([stage, total]).toEqual(['svm', 48])
        seen.push(done)
      },
    })
    expect(seen.at(-1)).toBe(48)
    expect(found.images.map(({ index, label }) => [index, label])).toEqual([...labels.entries()])
    const right = found.images.filter(({ label, predicted }) => label === predicted).length
    expect(found.accuracy).toBe(right / 24)
    expect(found.accuracyInterval[0]).toBeLessThan(found.accuracy)

    const { mean, scale } = classifier.scaler as { mean: Float64Array; scale: Float64Array }
    const features = await classifier.extractor.extract(images)
    const rows = images.map((_, i) =>
      Array.from(features.row(i), (value, k) => (value - mean[k]) / (scale[k] || 1)),
    )
    const { kernel } = classifier.svm.toState()
    if (kernel.kind !== 'rbf') throw new Error('the kernel is rbf')
    for (const { index, predicted } of found.images) {
      using svc = await new SVC({ C: 3, gamma: kernel.gamma }).fit(
        rows.filter((_, row) => row !== index),
        labels.filter((_, row) => row !== index),
      )
      expect(await svc.predict([rows[index]])).toEqual([predicted])
    }
    expect(await classifier.predict(images)).toEqual(labels)
  })

  it('counts images that were added, and works on a loaded classifier with its store', async () => {
    using classifier = await ImageClassifier.create({ extractor, store })
    await classifier.fit(images, labels)
    await classifier.add([digit(4, 20)], [4])
    await classifier.refit()
    const found = await classifier.leaveOneOut()
    expect(found.images).toHaveLength(25)
    using loaded = await ImageClassifier.load(await classifier.save(), { store })
    expect(await loaded.leaveOneOut()).toEqual(found)
  })

  it('judges only images that a trained CNN has not learnt from', async () => {
    const fineTune = { from: 'stage3', epochs: 2, batchSize: 8, learningRate: 0.02 }
    using all = await ImageClassifier.create({ fineTune: { ...fineTune, validation: 0 } })
    await all.fit(images, labels)
    await expect(all.leaveOneOut()).rejects.toMatchObject({
      ...{ code: 'INVALID_ARGUMENT', argument: 'fineTune.validation' },
    })
    using some = await ImageClassifier.create({ fineTune: { ...fineTune, validation: 0.25 } })
    await some.fit(images, labels)
    const { kept, validation } = some.extractor.tuning!
    const { images: judged } = await some.leaveOneOut()
    expect(judged.map(({ index }) => index)).toEqual(kept ? [...validation!.rows] : [...labels.keys()])
  })

  it('stops when aborted, and refuses groups, a lone image of two classes, and what is not fitted', async () => {
    using classifier = await ImageClassifier.create({ extractor, store })
    await expect(classifier.leaveOneOut()).rejects.toMatchObject({ code: 'NOT_FITTED' })
    await classifier.fit(images, labels)
    const signal = AbortSignal.abort()
    await expect(classifier.leaveOneOut({ signal })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await classifier.predict(images)).toEqual(labels)
    const groups = labels.map((_, i) => i % 4)
    await classifier.fit(images, labels, { groups })
    await expect(classifier.leaveOneOut()).rejects.toMatchObject({ argument: 'groups' })
    await classifier.fit(images.slice(7, 16), labels.slice(7, 16), { onWarning: () => {} })
    await expect(classifier.leaveOneOut()).rejects.toMatchObject({ code: 'TOO_FEW_ROWS' })
  })
})
