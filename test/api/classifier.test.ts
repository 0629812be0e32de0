import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FeatureExtractor, FeatureStore, ImageClassifier, SVC } from '../../src/index.ts'
import { ModelProtoSchema } from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import { digit, jpegOf, labelledDigits, pngOf } from '../support/digits.ts'
import { FileServer, sha256 } from '../support/file-server.ts'
import { smallCnn } from '../support/small-cnn.ts'

const smallModel = toBinary(ModelProtoSchema, smallCnn())
/** An extractor that takes almost no time. */
const small = { model: smallModel, pooling: { grid: 3 }, preprocess: { size: 12 } }

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('ImageClassifier with the embedded CNN', () => {
  it('learns digits from PNG and JPEG files and predicts the same after save and load', async () => {
    const paths: string[] = []
    const labels: number[] = []
    for (let i = 0; i < 60; i++) {
      for (const kind of [3, 5, 8]) {
        const image = digit(kind, i)
        const path = join(folder, `${kind}-${i}.${i % 2 === 0 ? 'png' : 'jpg'}`)
        writeFileSync(path, await (i % 2 === 0 ? pngOf : jpegOf)(image))
        paths.push(path)
        labels.push(kind)
      }
    }
    const known = 120
    using classifier = await ImageClassifier.create({
      extractor: { layer: 'stage3', pooling: { grid: 2 } },
      svm: { C: 10 },
      scale: 'l2',
    })
    await classifier.fit(paths.slice(0, known), labels.slice(0, known))
    expect(classifier.classes).toEqual([3, 5, 8])

    const evaluation = await classifier.evaluate(paths.slice(known), labels.slice(known))
    expect(evaluation.images).toBe(60)
    expect(evaluation.accuracy).toBeGreaterThanOrEqual(0.9)
    expect(evaluation.confusionMatrix.flat().reduce((sum, count) => sum + count, 0)).toBe(60)
    expect(evaluation.report.accuracy).toBe(evaluation.accuracy)

    const bytes = await classifier.save()
    const file = join(folder, 'digits.onnx')
    writeFileSync(file, bytes)
    using loaded = await ImageClassifier.load(file)
    expect(await loaded.predict(paths)).toEqual(await classifier.predict(paths))
    expect(loaded.extractor.describe()).toEqual(classifier.extractor.describe())
    expect(await loaded.save()).toEqual(bytes)
  })
})

describe('fit with a grid', () => {
  it('uses the best candidate', async () => {
    const { images, labels } = labelledDigits([0, 1, 4], 20)
    using classifier = await ImageClassifier.create({ extractor: small, svm: { tol: 1e-4 } })
    const stages = new Set<string>()
    await classifier.fit(images, labels, {
      grid: { kernel: ['rbf', 'linear'], C: [0.1, 10] },
      cv: 3,
      onProgress: ({ stage, done, total }) => {
        expect(done).toBeLessThanOrEqual(total)
        stages.add(stage)
      },
    })
    expect([...stages]).toEqual(['features', 'search'])
    const { bestParams, bestScore, bestIndex, cvResults } = classifier.search!
    expect(cvResults.params).toHaveLength(4)
    expect(cvResults.params[bestIndex]).toEqual(bestParams)
    expect(bestScore).toBe(Math.max(...cvResults.meanTestScore))
    expect(classifier.svm.getParams()).toMatchObject({ ...bestParams, tol: 1e-4 })
    expect((await classifier.evaluate(images, labels)).accuracy).toBeGreaterThan(0.9)
  })

  it('a later fit without a grid discards it', async () => {
    const { images, labels } = labelledDigits([0, 1], 6)
    using classifier = await ImageClassifier.create({ extractor: small })
    await classifier.fit(images, labels, { grid: { C: [1, 10] }, cv: 2 })
    await classifier.fit(images, labels)
    expect(classifier.search).toBeUndefined()
    expect(classifier.svm.getParams().C).toBe(3)
  })

  it('keeps its own parameters unless others are clearly better', async () => {
    const { images, labels } = labelledDigits([0, 1], 10)
    using classifier = await ImageClassifier.create({ extractor: small })
    // Both candidates make no mistake, and of equal ones a search takes the first.
    const grid = { C: [100, 3] }
    await classifier.fit(images, labels, { grid, cv: 2 })
    expect(classifier.search!.cvResults.rankTestScore).toEqual([1, 1])
    expect(classifier.search!.bestParams).toEqual({ C: 3 })
    expect(classifier.svm.getParams().C).toBe(3)
    await classifier.fit(images, labels, { grid, cv: 2, cautious: false })
    expect(classifier.svm.getParams().C).toBe(100)
    await classifier.fit(images, labels, { grid: { C: [100, 30] }, cv: 2 })
    expect(classifier.svm.getParams().C).toBe(100)
  })
})

it('shows the scaling of its features, with which its SVM predicts the same', async () => {
  const { images, labels } = labelledDigits([0, 1, 4], 8)
  using classifier = await ImageClassifier.create({ extractor: small })
  expect(() => classifier.scaler).toThrow(expect.objectContaining({ code: 'NOT_FITTED' }))
  await classifier.fit(images, labels)
  const { scaler } = classifier
  if (scaler.kind !== 'standard') throw new Error(`the scaler is ${scaler.kind}`)
  const X = await classifier.extractor.extract(images)
  const scaled = Array.from({ length: X.rows }, (_, i) =>
    Array.from(X.row(i), (value, f) => (value - scaler.mean[f]) / scaler.scale[f]),
  )
  expect(await classifier.svm.predict(scaled)).toEqual(await classifier.predict(images))
  scaler.mean.fill(0)
  expect(classifier.scaler).not.toEqual(scaler)
  using l2 = await ImageClassifier.create({ extractor: small, scale: 'l2' })
  await l2.fit(images, labels)
  expect(l2.scaler).toEqual({ kind: 'l2' })
})

describe("layer: 'auto'", () => {
  it('chooses a layer during fit and saves it', async () => {
    const { images, labels } = labelledDigits([0, 1, 4], 12)
    const stages = new Set<string>()
    using classifier = await ImageClassifier.create({
      extractor: { ...small, pooling: 'auto', layer: 'auto' },
    })
    await classifier.fit(images, labels, { cv: 3, onProgress: ({ stage }) => stages.add(stage) })
    expect([...stages]).toEqual(['features', 'layers', 'svm'])
    const [best] = classifier.rankedLayers!
    expect(best.gain).toBeGreaterThan(1.5 * best.gainError!)
    const { layer, pooling, featureSize } = classifier.extractor.describe()
    expect({ layer, pooling, features: featureSize }).toMatchObject({
      layer: best.layer,
      pooling: best.pooling,
      features: best.features,
    })
    expect((await classifier.evaluate(images, labels)).accuracy).toBeGreaterThan(0.8)
    const bytes = await classifier.save()
    using loaded = await ImageClassifier.load(bytes)
    expect(await loaded.predict(images)).toEqual(await classifier.predict(images))
    expect(loaded.rankedLayers).toBeUndefined()
  })

  it('keeps a named pooling, and the previous model after an abort', async () => {
    const { images, labels } = labelledDigits([0, 1], 8)
    using classifier = await ImageClassifier.create({ extractor: { ...small, layer: 'auto' } })
    await classifier.fit(images, labels, { cv: 2 })
    for (const { pooling } of classifier.rankedLayers!) expect([{ grid: 3 }, 'none']).toContainEqual(pooling)
    const before = classifier.extractor
    const stop = new AbortController()
    const again = classifier.fit(images, labels, {
      cv: 2,
      signal: stop.signal,
      onProgress: ({ stage }) => stage === 'layers' && stop.abort(),
    })
    await expect(again).rejects.toMatchObject({ code: 'ABORTED' })
    expect(classifier.extractor).toBe(before)
    expect(await classifier.predict(images.slice(0, 2))).toEqual(['digit 0', 'digit 1'])
  })
})

describe('add and refit', () => {
  it('learns new images and classes, starting from the previous solution', async () => {
    const { images, labels } = labelledDigits([0, 1, 4], 15)
    const more = labelledDigits([0, 7], 10, 30)
    using classifier = await ImageClassifier.create({ extractor: small, svm: { kernel: 'linear' } })
    await classifier.fit(images, labels)
    const { nIter } = classifier.svm
    // Nothing is new, so the solver starts at the optimum.
    await classifier.refit()
    expect(Math.max(...classifier.svm.nIter)).toBeLessThan(Math.min(...nIter))

    let extracted = 0
    await classifier.add(more.images, more.labels, { onProgress: ({ total }) => (extracted = total) })
    expect(extracted).toBe(20)
    expect(classifier.classes).toHaveLength(3)
    await classifier.refit()
    expect(classifier.classes).toEqual(['digit 0', 'digit 1', 'digit 4', 'digit 7'])
    const all = [...images, ...more.images]
    expect((await classifier.evaluate(all, [...labels, ...more.labels])).accuracy).toBeGreaterThan(0.9)
  })

  it('can learn from the images of an evaluation without extracting them again', async () => {
    const { images, labels } = labelledDigits([0, 1], 10)
    const held = labelledDigits([0, 1, 4], 6, 20)
    const store = FeatureStore.inMemory()
    using classifier = await ImageClassifier.create({ extractor: small, store })
    using plain = await ImageClassifier.create({ extractor: small, store })
    await classifier.fit(images, labels)
    await plain.fit(images, labels)
    const unreadable: number[] = []
    const o = { onUnreadable: (index: number) => unreadable.push(index) }
    const judged = [held.images.concat([new Uint8Array(3)]), [...held.labels, 'digit 0']] as const
    const before = await classifier.evaluate(...judged, o)
    expect(await classifier.evaluate(...judged, { ...o, add: true })).toEqual(before)
    expect(unreadable).toEqual([18, 18])
    expect(classifier.classes).toEqual(['digit 0', 'digit 1'])
    await classifier.refit()
    await plain.add(held.images, held.labels)
    await plain.refit()
    expect(classifier.classes).toEqual(['digit 0', 'digit 1', 'digit 4'])
    expect(classifier.svm.toState()).toEqual(plain.svm.toState())
    expect(await classifier.save()).toEqual(await plain.save())
    await expect(classifier.evaluate(...judged, { add: 1 as never })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'add',
    })
    using loaded = await ImageClassifier.load(await classifier.save())
    await expect(loaded.evaluate(...judged, { add: true })).rejects.toMatchObject({ code: 'NOT_FITTED' })
  })

  it('keeps added images after an abort', async () => {
    const { images, labels } = labelledDigits([0, 1], 8)
    const more = labelledDigits([4], 8)
    using classifier = await ImageClassifier.create({ extractor: small })
    await expect(classifier.add(images, labels)).rejects.toMatchObject({ code: 'NOT_FITTED' })
    await classifier.fit(images, labels)
    await classifier.add(more.images, more.labels)
    await expect(classifier.refit({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(classifier.classes).toHaveLength(2)
    await classifier.refit()
    expect(classifier.classes).toHaveLength(3)
    await expect(classifier.add(images, [1, 2])).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
    await expect(classifier.add([images[0]], [1])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    using loaded = await ImageClassifier.load(await classifier.save())
    await expect(loaded.refit()).rejects.toThrow(/was loaded from a file/)
  })
})

describe('with a feature store', () => {
  it('predicts the same and runs no image through the network twice', async () => {
    const { images, labels } = labelledDigits([0, 1, 4], 10)
    const store = FeatureStore.inMemory()
    using plain = await ImageClassifier.create({ extractor: small })
    using classifier = await ImageClassifier.create({ extractor: small, store })
    await plain.fit(images, labels)
    await classifier.fit(images, labels)
    expect(classifier.svm.toState()).toEqual(plain.svm.toState())
    expect(store.labels).toEqual(labels)
    const bytes = await classifier.save()
    const more = labelledDigits([7], 5)
    await classifier.add([...more.images, images[0]], [...more.labels, labels[0]])
    expect(store.size).toBe(35)

    // As in a later session, with the network from the saved file.
    const kept = await FeatureStore.fromNpz(store.toNpz())
    using loaded = await ImageClassifier.load(bytes)
    using again = await ImageClassifier.create({ extractor: loaded.extractor, store: kept })
    await again.fit(images, labels)
    expect(kept.size).toBe(35)
    expect(await again.predict(images)).toEqual(await plain.predict(images))
  })

  it('continues after load: only new images are extracted, and the SVM starts from the old duals', async () => {
    const { images, labels } = labelledDigits([0, 1, 4], 15)
    const more = labelledDigits([0, 7], 10, 30)
    const svm = { kernel: 'linear' } as const
    const store = FeatureStore.inMemory()
    using classifier = await ImageClassifier.create({ extractor: small, store, svm })
    await classifier.fit(images, labels)
    // Images that were only evaluated are in the store too, but are not part of the training set.
    await classifier.evaluate(labelledDigits([0, 1], 5, 60).images, labelledDigits([0, 1], 5, 60).labels)
    const bytes = await classifier.save()
    const npz = store.toNpz()

    const kept = await FeatureStore.fromNpz(npz)
    using loaded = await ImageClassifier.load(bytes, { store: kept })
    expect(await loaded.save()).toEqual(bytes)
    await loaded.refit()
    expect(Math.max(...loaded.svm.nIter)).toBeLessThan(Math.min(...classifier.svm.nIter))
    expect(await loaded.predict(images)).toEqual(await classifier.predict(images))
    expect(kept.size).toBe(55)

    await loaded.add(more.images, more.labels)
    expect(kept.size).toBe(75)
    await loaded.refit()
    await classifier.add(more.images, more.labels)
    await classifier.refit()
    expect(loaded.classes).toEqual(['digit 0', 'digit 1', 'digit 4', 'digit 7'])
    const all = [...images, ...more.images]
    expect(await loaded.predict(all)).toEqual(await classifier.predict(all))

    // Once more, from the file of the refitted classifier.
    using again = await ImageClassifier.load(await loaded.save(), { store: kept })
    await again.refit()
    expect(again.svm.support.length).toBeGreaterThan(0)
    expect(await again.predict(all)).toEqual(await loaded.predict(all))
  })

  it.each([
    ['its default layer', {}],
    ['an inner layer', { layer: 'stage3', pooling: { grid: 2 } }],
    ["layer: 'auto'", { layer: 'auto' }],
  ])('continues after load with the embedded CNN: %s', async (_, extractor) => {
    const { images, labels } = labelledDigits([0, 1], 6)
    const more = labelledDigits([7], 4)
    const path = join(folder, `goes on with ${JSON.stringify(extractor).replaceAll(/\W/g, '')}.npz`)
    const store = await FeatureStore.open(path)
    using classifier = await ImageClassifier.create({ extractor, store })
    await classifier.fit(images, labels, { cv: 2 })
    await classifier.add(more.images, more.labels)
    await classifier.refit()
    await store.save()

    const kept = await FeatureStore.open(path)
    using loaded = await ImageClassifier.load(await classifier.save(), { store: kept })
    await loaded.refit()
    expect(await loaded.predict(images)).toEqual(await classifier.predict(images))
    if ('layer' in extractor && extractor.layer === 'auto') return
    const last = labelledDigits([4], 4)
    await loaded.add(last.images, last.labels)
    await loaded.refit()
    expect(loaded.classes).toEqual(['digit 0', 'digit 1', 'digit 4', 'digit 7'])
    expect(kept.size).toBe(20)
  })

  it('explains what a loaded classifier lacks to continue', async () => {
    const { images, labels } = labelledDigits([0, 1], 6)
    const store = FeatureStore.inMemory()
    using classifier = await ImageClassifier.create({ extractor: small, store })
    await classifier.fit(images, labels)
    const bytes = await classifier.save()
    using alone = await ImageClassifier.load(bytes)
    expect(await alone.save()).toEqual(bytes)
    await expect(alone.refit()).rejects.toThrow(/needs the feature store that it was fitted with/)
    using empty = await ImageClassifier.load(bytes, { store: FeatureStore.inMemory() })
    const wanted = { code: 'FEATURES_MISSING', argument: 'store', received: 12 }
    await expect(empty.refit()).rejects.toMatchObject(wanted)
    await expect(empty.add(images, labels)).rejects.toMatchObject(wanted)
    const others = FeatureStore.inMemory()
    using max = await ImageClassifier.create({ extractor: { ...small, pooling: 'max' }, store: others })
    await max.fit(images, labels)
    using wrong = await ImageClassifier.load(bytes, { store: others })
    await expect(wrong.refit()).rejects.toMatchObject({ code: 'FEATURES_MISMATCH' })
    // A complete fit needs neither.
    await empty.fit(images, labels)
    await empty.refit()
  })

  it('stores the features of all layers while the layer is chosen', async () => {
    const { images, labels } = labelledDigits([0, 1, 4], 8)
    const extractor = { ...small, pooling: 'auto', layer: 'auto' } as const
    const store = FeatureStore.inMemory()
    using plain = await ImageClassifier.create({ extractor })
    using classifier = await ImageClassifier.create({ extractor, store })
    await plain.fit(images, labels, { cv: 2 })
    await classifier.fit(images, labels, { cv: 2 })
    expect(classifier.rankedLayers).toEqual(plain.rankedLayers)
    expect(classifier.svm.toState()).toEqual(plain.svm.toState())
    const ranked = classifier.rankedLayers!
    expect(store.features.cols).toBe(ranked.reduce((sum, { features }) => sum + features, 0))
    // Nothing is extracted twice, not even for another fit or a prediction.
    const kept = await FeatureStore.fromNpz(store.toNpz())
    using again = await ImageClassifier.create({ extractor, store: kept })
    await again.fit(images, labels, { cv: 2 })
    expect(await again.predict(images)).toEqual(await plain.predict(images))
    expect(again.rankedLayers).toEqual(ranked)
    expect(kept.size).toBe(24)
    await again.add(labelledDigits([7], 4).images, labelledDigits([7], 4).labels)
    expect(kept.size).toBe(28)
    await again.refit()
    expect(again.classes).toHaveLength(4)
    // A saved file has a single layer: it finds its features among those of the store, but cannot add rows.
    using loaded = await ImageClassifier.load(await again.save(), { store: kept })
    await loaded.refit()
    expect(await loaded.predict(images)).toEqual(await again.predict(images))
    const late = loaded.add(labelledDigits([9], 2).images, labelledDigits([9], 2).labels)
    await expect(late).rejects.toMatchObject({ code: 'FEATURES_MISMATCH' })
  })

  it('rejects features of another network', async () => {
    const { images, labels } = labelledDigits([0, 1], 6)
    const store = FeatureStore.inMemory()
    using classifier = await ImageClassifier.create({ extractor: small, store })
    await classifier.fit(images, labels)
    using other = await ImageClassifier.create({ extractor: { ...small, pooling: 'max' }, store })
    await expect(other.fit(images, labels)).rejects.toMatchObject({ code: 'FEATURES_MISMATCH' })
    const wanted = { code: 'INVALID_ARGUMENT', argument: 'store' }
    await expect(ImageClassifier.create({ store: 3 as never })).rejects.toMatchObject(wanted)
    const bytes = await classifier.save()
    await expect(ImageClassifier.load(bytes, { store: {} as never })).rejects.toMatchObject(wanted)
  })
})

describe('predictProba', () => {
  it('returns a row for each image, NaN where it cannot be read', async () => {
    const { images, labels } = labelledDigits([0, 1, 4], 15)
    using classifier = await ImageClassifier.create({ extractor: small, svm: { probability: true } })
    await classifier.fit(images, labels, { grid: { C: [1, 10] }, cv: 2 })
    const asked = [images[0], new Uint8Array(9), images[1]]
    const { labels: predicted, probabilities } = await classifier.predictWithProba(asked, {
      onUnreadable: () => {},
    })
    expect([probabilities.rows, probabilities.cols]).toEqual([3, 3])
    expect(predicted).toEqual(['digit 0', null, 'digit 1'])
    expect([...probabilities.row(1)]).toEqual([NaN, NaN, NaN])
    expect(probabilities.row(0).reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 5)
    expect(Math.max(...probabilities.row(2))).toBe(probabilities.row(2)[1])
    const ranked = await classifier.classify(asked, { onUnreadable: () => {} })
    expect(ranked.map((list) => list.length)).toEqual([3, 0, 3])
    expect(ranked[2][0]).toEqual({ label: 'digit 1', probability: probabilities.row(2)[1] })
    const falling = ranked[0].map(({ probability }) => probability)
    expect(falling).toEqual([...probabilities.row(0)].sort((a, b) => b - a))
    const [[best, ...others]] = await classifier.classify([images[0]], { top: 1 })
    expect([best, others]).toEqual([ranked[0][0], []])
    for (const top of [0, 1.5, '2' as never]) {
      const wanted = { code: 'INVALID_ARGUMENT', argument: 'top' }
      await expect(classifier.classify([images[0]], { top })).rejects.toMatchObject(wanted)
    }
  })

  it.each([
    [[3, 5, 8], 'rbf'],
    [[3, 5, 8, 9, 4, 7], 'sigmoid'],
    [[4, 9], 'rbf'],
  ] as const)('gives the label of predict the greatest probability: %j, %s', async (kinds, kernel) => {
    const { images, labels } = labelledDigits([...kinds], 60)
    const train = images.map((_, i) => i).filter((i) => i % 5 === 0)
    // The last class is much larger, so that votes and probabilities disagree.
    const y = labels.map((label, i) => (i % 15 === 0 ? labels[labels.length - 1] : label))
    const svm = { kernel, ...(kernel === 'sigmoid' ? { gamma: 0.005 } : {}), C: 0.3 }
    const stages = new Set<string>()
    using classifier = await ImageClassifier.create({
      extractor: small,
      svm,
      scale: 'none',
      probability: true,
    })
    using votes = await ImageClassifier.create({ extractor: small, svm, scale: 'none' })
    for (const each of [classifier, votes]) {
      await each.fit(
        train.map((i) => images[i]),
        train.map((i) => y[i]),
        { onProgress: ({ stage }) => stages.add(stage) },
      )
    }
    expect(stages).toEqual(new Set(['features', 'svm', 'calibration']))
    const { labels: predicted, probabilities } = await classifier.predictWithProba(images)
    expect(predicted).toEqual(await votes.predict(images))
    const coupled = await classifier.svm.predictProba(await classifier.extractor.extract(images))
    let disagreeing = 0
    for (const [i, label] of predicted.entries()) {
      const row = [...probabilities.row(i)]
      expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5)
      const most = Math.max(...row)
      expect(row.filter((p) => p === most)).toHaveLength(1)
      expect(classifier.classes[row.indexOf(most)]).toBe(label)
      const raw = [...coupled.row(i)]
      if (classifier.classes[raw.indexOf(Math.max(...raw))] !== label) disagreeing++
    }
    // The pictures were chosen so that the two disagree for some of them.
    expect(disagreeing).toBeGreaterThan(0)
    const ranked = await classifier.classify(images, { top: 1 })
    expect(ranked.map(([{ label }]) => label)).toEqual(predicted)
  })

  it('is the same after save, load, add and refit as after one fit on everything', async () => {
    const { images, labels } = labelledDigits([0, 1, 7], 12)
    const store = await FeatureStore.inMemory()
    using first = await ImageClassifier.create({ extractor: small, scale: 'l2', probability: true, store })
    await first.fit(images.slice(0, 24), labels.slice(0, 24))
    using loaded = await ImageClassifier.load(await first.save(), { store })
    expect(loaded.hasProbabilities).toBe(true)
    expect(await loaded.predictProba(images)).toEqual(await first.predictProba(images))
    await loaded.add(images.slice(24), labels.slice(24))
    await loaded.refit()
    using whole = await ImageClassifier.create({ extractor: small, scale: 'l2', probability: true, store })
    await whole.fit(images, labels)
    const [a, b] = [await loaded.predictProba(images), await whole.predictProba(images)]
    for (const [i, p] of a.data.entries()) expect(p).toBeCloseTo(b.data[i], 2)
  })

  it("with 'libsvm' returns the probabilities of SVC with probability", async () => {
    const { images, labels } = labelledDigits([0, 1, 7], 12)
    using classifier = await ImageClassifier.create({
      extractor: small,
      scale: 'none',
      probability: 'libsvm',
    })
    await classifier.fit(images, labels)
    const X = await classifier.extractor.extract(images)
    using svc = new SVC({ C: 3, probability: true })
    await svc.fit(X, labels)
    expect(await classifier.predictProba(images)).toEqual(await svc.predictProba(X))
    using loaded = await ImageClassifier.load(await classifier.save())
    expect(await loaded.predictProba(images)).toEqual(await svc.predictProba(X))
  })

  it('needs two images per class and rejects unknown settings', async () => {
    const { images, labels } = labelledDigits([0, 1], 6)
    using classifier = await ImageClassifier.create({ extractor: small, probability: true })
    await expect(classifier.fit([...images, images[0]], [...labels, 'other'])).rejects.toMatchObject({
      code: 'TOO_FEW_ROWS',
      argument: 'labels',
    })
    await expect(ImageClassifier.create({ probability: 'platt' as 'libsvm' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'probability',
    })
  })

  it('throws if the classifier has no probabilities', async () => {
    const { images, labels } = labelledDigits([0, 1], 6)
    using classifier = await ImageClassifier.create({ extractor: small })
    await expect(classifier.predictProba(images)).rejects.toMatchObject({ code: 'NOT_FITTED' })
    await classifier.fit(images, labels)
    await expect(classifier.predictProba(images)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'svm.probability',
    })
  })
})

describe('save and load', () => {
  const { images, labels } = labelledDigits([0, 1, 7, 9], 12)
  const other = labelledDigits([0, 1, 7, 9], 12, 100).images
  const numbers = labels.map((label) => Number(label.at(-1)) - 4)
  const two = labels.map((label) => (label === 'digit 0' ? 'zéro' : 'другая'))
  const fractions = numbers.map((number) => number / 2)
  for (const [name, o, y] of [
    ['defaults', {}, labels],
    ['integers, linear, no scaling', { scale: 'none', svm: { kernel: 'linear', C: 3 } }, numbers],
    ['two classes, poly, l2', { scale: 'l2', svm: { kernel: 'poly', degree: 2, coef0: 1 } }, two],
    ['fractions, sigmoid', { svm: { kernel: 'sigmoid', gamma: 0.01, classWeight: 'balanced' } }, fractions],
  ] as const) {
    it(`gives the same bits: ${name}`, async () => {
      using classifier = await ImageClassifier.create({ extractor: small, ...o })
      await classifier.fit(images, y)
      const bytes = await classifier.save()
      using loaded = await ImageClassifier.load(bytes)
      expect(loaded.classes).toEqual(classifier.classes)
      expect(loaded.scale).toBe(classifier.scale)
      expect(loaded.svm.toState()).toEqual(classifier.svm.toState())
      const features = await classifier.extractor.extract(other)
      expect(await loaded.extractor.extract(other)).toEqual(features)
      expect(await loaded.svm.decisionFunction(features)).toEqual(
        await classifier.svm.decisionFunction(features),
      )
      expect(await loaded.predict(other)).toEqual(await classifier.predict(other))
      expect(await loaded.save()).toEqual(bytes)
    })
  }

  it('does not depend on the machine that fitted it', async () => {
    const files = []
    for (const svm of [{}, { threads: 1, cacheSize: 64 }]) {
      using classifier = await ImageClassifier.create({ extractor: small, svm })
      await classifier.fit(images, labels)
      files.push(await classifier.save())
      using loaded = await ImageClassifier.load(files.at(-1)!)
      expect(loaded.svm.getParams()).toMatchObject({ threads: undefined, cacheSize: undefined })
      expect(await loaded.save()).toEqual(files.at(-1))
    }
    expect(files[1]).toEqual(files[0])
  })

  it('a loaded classifier can be fitted again', async () => {
    using classifier = await ImageClassifier.create({ extractor: small, svm: { C: 7 } })
    await classifier.fit(images, labels)
    using loaded = await ImageClassifier.load(new Blob([await classifier.save()]))
    await loaded.fit(images, two)
    expect(loaded.classes).toEqual([...new Set(two)].sort())
    expect(loaded.svm.getParams().C).toBe(7)
  })

  it("loads from a server with the caller's hash, cache and progress options", async () => {
    using classifier = await ImageClassifier.create({ extractor: small })
    await classifier.fit(images, labels)
    const bytes = await classifier.save()
    const server = await FileServer.start()
    try {
      server.files.set('/birds.onnx', { bytes }).set('/us/birds/resolve/main/model.onnx', { bytes })
      const url = `${server.origin}/birds.onnx`
      const cache = join(folder, 'cache')
      const seen: number[] = []
      const load = (source: string, hash: string) =>
        ImageClassifier.load(source, {
          download: { cache, endpoint: server.origin, sha256: hash },
          onProgress: ({ done }) => seen.push(done),
        })
      await expect(load(url, '0'.repeat(64))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
      using loaded = await load(url, sha256(bytes))
      expect(await loaded.save()).toEqual(bytes)
      expect(seen.at(-1)).toBe(bytes.length)
      using ofHub = await load('hf:us/birds', sha256(bytes))
      expect(ofHub.classes).toEqual(classifier.classes)
      server.files.clear()
      // It is cached and its hash is known, so no request is needed.
      using kept = await load(url, sha256(bytes))
      expect(await kept.save()).toEqual(bytes)
    } finally {
      await server.stop()
    }
  })

  it('accepts an extractor and an SVC, and does not dispose of them', async () => {
    using extractor = await FeatureExtractor.create(small)
    using svc = new SVC({ C: 2 })
    const classifier = await ImageClassifier.create({ extractor, svm: svc })
    await classifier.fit(images, labels)
    expect(() => svc.classes).toThrow(expect.objectContaining({ code: 'NOT_FITTED' }))
    classifier.dispose()
    classifier.dispose()
    expect((await extractor.extract(images.slice(0, 1))).rows).toBe(1)
  })
})

describe('invalid input', () => {
  const { images, labels } = labelledDigits([0, 1], 6)
  const fitted = async () => {
    const classifier = await ImageClassifier.create({ extractor: small })
    return classifier.fit(images, labels)
  }
  const unfitted = () => ImageClassifier.create({ extractor: small })

  it('one class only', async () => {
    using classifier = await unfitted()
    await expect(
      classifier.fit(
        images,
        images.map(() => 'cat'),
      ),
    ).rejects.toMatchObject({ code: 'ONE_CLASS' })
  })

  it('a class with fewer images than folds is refused before any image is read', async () => {
    using classifier = await unfitted()
    const untouched = images.map(() => 'nowhere.png')
    await expect(classifier.fit(untouched, labels, { grid: { C: [1] }, cv: 7 })).rejects.toMatchObject({
      code: 'TOO_FEW_ROWS',
    })
  })

  it('different numbers of images and labels', async () => {
    using classifier = await fitted()
    const wanted = { code: 'SHAPE_MISMATCH', argument: 'labels' }
    await expect(classifier.fit(images, labels.slice(1))).rejects.toMatchObject(wanted)
    await expect(classifier.evaluate(images, labels.slice(1))).rejects.toMatchObject(wanted)
  })

  it('no images', async () => {
    using classifier = await fitted()
    const wanted = { code: 'EMPTY_INPUT', argument: 'images' }
    await expect(classifier.fit([], [])).rejects.toMatchObject(wanted)
    await expect(classifier.predict([])).rejects.toMatchObject(wanted)
    await expect(classifier.evaluate([], [])).rejects.toMatchObject(wanted)
  })

  it('images that are not an array', async () => {
    using classifier = await fitted()
    await expect(classifier.predict('a.png' as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('labels of mixed types, or of another type than the classes', async () => {
    using classifier = await fitted()
    const mixed = labels.map((label, i) => (i === 3 ? 3 : label))
    await expect(classifier.fit(images, mixed as string[])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    const numbers = labels.map((_, i) => i % 2)
    await expect(classifier.evaluate(images, numbers)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('a text file named .png, a truncated JPEG, a missing file: named, or skipped on request', async () => {
    const text = join(folder, 'text.png')
    writeFileSync(text, 'I am no picture')
    const truncated = join(folder, 'truncated.jpg')
    writeFileSync(truncated, (await jpegOf(digit(3, 0))).subarray(0, 300))
    const missing = join(folder, 'missing.png')
    using classifier = await fitted()
    for (const [path, code] of [
      [text, 'IMAGE_UNREADABLE'],
      [truncated, 'IMAGE_UNREADABLE'],
      [missing, 'FILE_UNREADABLE'],
    ]) {
      const failed = classifier.predict([images[0], path])
      await expect(failed).rejects.toMatchObject({ code, argument: 'images[1]' })
      await expect(failed).rejects.toThrow(path)
    }

    const broken = [text, images[0], truncated, images[1], missing]
    const reported: [number, string][] = []
    const onUnreadable = (index: number, { code }: { code: string }) => reported.push([index, code])
    const predicted = await classifier.predict(broken, { onUnreadable })
    const [first, second] = await classifier.predict(images.slice(0, 2))
    expect(predicted).toEqual([null, first, null, second, null])
    expect(reported).toEqual([
      [0, 'IMAGE_UNREADABLE'],
      [2, 'IMAGE_UNREADABLE'],
      [4, 'FILE_UNREADABLE'],
    ])
    const evaluation = await classifier.evaluate(broken, ['a', 'b', 'a', 'b', 'a'], {
      onUnreadable: () => {},
    })
    expect(evaluation.images).toBe(2)

    using other = await unfitted()
    await other.fit([...broken, ...images], [...'ababa', ...images.map((_, i) => 'ab'[i % 2])], {
      onUnreadable: () => {},
    })
    expect(other.svm.support.every((row) => row < images.length + 2)).toBe(true)

    await expect(classifier.predict([text, missing], { onUnreadable: () => {} })).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
    })
  })

  it('a network that returns NaN: names the row and the column', async () => {
    const model = smallCnn()
    const weights = new Float32Array(model.graph!.initializer[0].rawData.buffer)
    // The weights of channel 2.
    weights.fill(Number.NaN, 54, 81)
    using classifier = await ImageClassifier.create({
      extractor: { model: toBinary(ModelProtoSchema, model), preprocess: { size: 12 } },
    })
    await expect(classifier.fit(images, labels)).rejects.toMatchObject({ code: 'NOT_FINITE' })
    await expect(classifier.fit(images, labels)).rejects.toThrow('row 0, column 2')
  })

  it('a file that is not a CNN, a layer that does not exist', async () => {
    const notOnnx = new TextEncoder().encode('not an ONNX file')
    await expect(ImageClassifier.create({ extractor: { model: notOnnx } })).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
    })
    const noLayer = ImageClassifier.create({ extractor: { layer: 'stag3' } })
    await expect(noLayer).rejects.toMatchObject({ code: 'LAYER_NOT_FOUND' })
    await expect(noLayer).rejects.toThrow("'stage3'")
  })

  it.each([
    [{ svm: { C: 0 } }, 'C'],
    [{ svm: { C: -1 } }, 'C'],
    [{ svm: { gamma: 0 } }, 'gamma'],
    [{ svm: { tol: 0 } }, 'tol'],
    [{ svm: { kernel: 'cosine' } }, 'kernel'],
    [{ scale: 'log' }, 'scale'],
    [{ scaling: 'l2' }, 'options'],
    [{ svm: 3 }, 'svm'],
    [null, 'options'],
  ])('options %j', async (options, argument) => {
    await expect(ImageClassifier.create(options as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument,
    })
  })

  it('throws NOT_FITTED before fit', async () => {
    using classifier = await unfitted()
    const wanted = { code: 'NOT_FITTED' }
    await expect(classifier.predict(images)).rejects.toMatchObject(wanted)
    await expect(classifier.evaluate(images, labels)).rejects.toMatchObject(wanted)
    await expect(classifier.save()).rejects.toMatchObject(wanted)
    expect(() => classifier.classes).toThrow(expect.objectContaining(wanted))
  })

  it('throws DISPOSED after dispose', async () => {
    const classifier = await fitted()
    classifier.dispose()
    const wanted = { code: 'DISPOSED' }
    await expect(classifier.fit(images, labels)).rejects.toMatchObject(wanted)
    await expect(classifier.predict(images)).rejects.toMatchObject(wanted)
    await expect(classifier.evaluate(images, labels)).rejects.toMatchObject(wanted)
    await expect(classifier.save()).rejects.toMatchObject(wanted)
  })

  it('an abort keeps the previous model', async () => {
    using classifier = await fitted()
    const before = await classifier.predict(images)
    const abort = new AbortController()
    const running = classifier.fit(images, [...labels].reverse(), {
      signal: abort.signal,
      batchSize: 1,
      onProgress: () => abort.abort(),
    })
    await expect(running).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError' })
    expect(await classifier.predict(images)).toEqual(before)
  })

  it('files that are not saved classifiers', async () => {
    using classifier = await fitted()
    const bytes = await classifier.save()
    const load = (source: Uint8Array | string) => ImageClassifier.load(source)
    await expect(load(smallModel)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
    await expect(load(new Uint8Array(0))).rejects.toMatchObject({ code: 'MODEL_UNREADABLE' })
    await expect(load(new TextEncoder().encode('{"a": 1}'))).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
    })
    await expect(load(join(folder, 'nothing.onnx'))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    for (let length = 16; length < bytes.length; length += 997) {
      await expect(load(bytes.subarray(0, length))).rejects.toMatchObject({
        code: expect.stringMatching(/^MODEL_(UNREADABLE|UNSUPPORTED)$/),
      })
    }
  })
})
