import { beforeAll, describe, expect, it } from 'vitest'
import { digit } from '../../../test/support/digits.ts'
import { FeatureStore } from '../../store/feature-store.ts'
import { ImageClassifier } from '../image-classifier.ts'

/** A suitable layer for digits. */
const digits = { layer: 'stage3', pooling: { grid: 2 } }
const kinds = ['zero', 'one', 'two', 'three']
const images = Array.from({ length: 120 }, (_, i) => digit(i % 4, Math.floor(i / 4)))
const truth = images.map((_, i) => kinds[i % 4])
/** The images with a wrong label, and that label. */
const wrong = new Map([
  [9, 'zero'],
  [30, 'one'],
  [51, 'two'],
  [100, 'three'],
])
const labels = truth.map((label, i) => wrong.get(i) ?? label)

describe('suspects', () => {
  let store: FeatureStore
  beforeAll(async () => {
    store = await FeatureStore.inMemory()
  })

  it('finds wrong labels and suggests the right ones', async () => {
    using classifier = await ImageClassifier.create({ extractor: digits, store })
    await classifier.fit(images, labels)
    const before = await classifier.predict(images)
    const progress: number[] = []
    const found = await classifier.suspects({ onProgress: ({ done, total }) => progress.push(done / total) })
    expect(
      found
        .slice(0, 4)
        .map(({ index }) => index)
        .sort((a, b) => a - b),
    ).toEqual([...wrong.keys()])
    for (const { index, label, suggested } of found.slice(0, 4)) {
      expect({ label, suggested }).toEqual({ label: wrong.get(index), suggested: truth[index] })
    }
    for (const [i, { score }] of found.entries()) {
      expect(score).toBeGreaterThan(0)
      expect(score).toBeLessThanOrEqual(i === 0 ? 1 : found[i - 1].score)
    }
    expect(progress).toEqual([0.2, 0.4, 0.6, 0.8, 1])
    expect(await classifier.predict(images)).toEqual(before)
    expect(await classifier.suspects()).toEqual(found)

    const file = await classifier.save()
    using loaded = await ImageClassifier.load(file, { store })
    expect(await loaded.suspects()).toEqual(found)
    using alone = await ImageClassifier.load(file)
    await expect(alone.suspects()).rejects.toMatchObject({ code: 'NOT_FITTED', argument: 'store' })
  })

  it('works for two classes', async () => {
    const two = [...images.keys()].filter((i) => i % 4 < 2)
    const y = two.map((i) => (i === 20 ? 'one' : truth[i]))
    using classifier = await ImageClassifier.create({ extractor: digits, store })
    await classifier.fit(
      two.map((i) => images[i]),
      y,
    )
    const [first] = await classifier.suspects()
    expect(first).toMatchObject({ index: two.indexOf(20), label: 'one', suggested: 'zero' })
  })

  it('throws before fit, for a class with one image, and after an abort', async () => {
    using classifier = await ImageClassifier.create({ extractor: digits, store })
    await expect(classifier.suspects()).rejects.toMatchObject({ code: 'NOT_FITTED' })
    await classifier.fit(images.slice(0, 5), ['a', 'a', 'b', 'b', 'c'])
    await expect(classifier.suspects()).rejects.toMatchObject({ code: 'TOO_FEW_ROWS', argument: 'labels' })
    await classifier.fit(images.slice(0, 12), truth.slice(0, 12))
    const aborted = classifier.suspects({ signal: AbortSignal.abort() })
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await classifier.predict(images.slice(0, 1))).toHaveLength(1)
  })
})

describe('nearDuplicates', () => {
  it('finds copies among the images of fit, add and evaluate', async () => {
    const store = await FeatureStore.inMemory()
    using classifier = await ImageClassifier.create({ extractor: digits, store })
    await expect(classifier.nearDuplicates()).rejects.toMatchObject({ code: 'NOT_FITTED' })
    const brighter = (i: number) => {
      const image = images[i] as { data: Uint8Array }
      return { ...image, data: image.data.map((grey) => Math.min(255, grey * 1.02)) } as (typeof images)[0]
    }
    await classifier.fit([...images.slice(0, 40), brighter(3)], [...truth.slice(0, 40), 'zero'])
    const first = [{ indices: [3, 40], labels: ['three', 'zero'], similarity: expect.closeTo(1, 1) }]
    expect(await classifier.nearDuplicates()).toEqual(first)
    await classifier.add([images[60], images[7]], [truth[60], truth[7]])
    await classifier.evaluate([images[61], new Uint8Array(3), images[8]], [truth[61], 'one', truth[8]], {
      add: true,
      onUnreadable: () => {},
    })
    const stages = new Set<string>()
    const found = await classifier.nearDuplicates({ onProgress: ({ stage }) => stages.add(stage) })
    expect([...stages]).toEqual(['duplicates'])
    expect(found.map(({ indices }) => indices).sort(([a], [b]) => a - b)).toEqual([
      [3, 40],
      [7, 42],
      [8, 44],
    ])
    expect((await classifier.nearDuplicates({ similarity: 0.5 })).length).toBeGreaterThan(20)
    await expect(classifier.nearDuplicates({ similarity: 0 })).rejects.toMatchObject({
      argument: 'similarity',
    })
    const aborted = classifier.nearDuplicates({ signal: AbortSignal.abort() })
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('decisionFunction', () => {
  it("returns the SVM's decision values, NaN for unreadable images", async () => {
    using classifier = await ImageClassifier.create({ extractor: digits })
    await classifier.fit(images.slice(0, 40), truth.slice(0, 40))
    const asked = [images[0], new Uint8Array(3), images[1]]
    const pairs = await classifier.decisionFunction(asked, { shape: 'ovo', onUnreadable: () => {} })
    expect([pairs.rows, pairs.cols]).toEqual([3, 6])
    expect([...pairs.row(1)].every(Number.isNaN)).toBe(true)
    const scores = await classifier.decisionFunction(images.slice(40, 80))
    const predicted = await classifier.predict(images.slice(40, 80))
    for (const [i, label] of predicted.entries()) {
      const row = [...scores.row(i)]
      expect(classifier.classes[row.indexOf(Math.max(...row))]).toBe(label)
    }
    await expect(classifier.decisionFunction(images, { shape: 'all' as never })).rejects.toMatchObject({
      argument: 'shape',
    })
  })
})
