import { describe, expect, it } from 'vitest'
import { digit } from '../../test/support/digits.ts'
import { layeredCnnBytes } from '../../test/support/layered-cnn.ts'
import { textureLabels, texturePreprocess, textures } from '../../test/support/textures.ts'
import { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { encodeLabels } from '../core/label-codes.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import type { RawImage } from '../image/image-input.ts'
import { StandardScaler } from '../preprocessing/standard-scaler.ts'
import { FeatureStore } from '../store/feature-store.ts'
import { SVC } from '../svm/svc.ts'
import { ImageClassifier } from './image-classifier.ts'
import { fitCalibration } from './review/calibration.ts'

const kinds = [1, 4, 7, 9]
const of = (from: number, to: number) =>
  kinds.flatMap((kind) => Array.from({ length: to - from }, (_, i) => digit(kind, from + i)))
const labelsOf = (count: number) => kinds.flatMap((kind) => Array<number>(count).fill(kind))
const [images, labels] = [of(0, 20), labelsOf(20)]
const [others, theirs] = [of(20, 30), labelsOf(10)]

describe('a classifier with fineTune', () => {
  it('fine-tunes its CNN and saves the tuned one, bit for bit', async () => {
    using extractor = await FeatureExtractor.create()
    const before = await extractor.extract(others)
    using classifier = await ImageClassifier.create({
      extractor,
      fineTune: { from: 'stage3', epochs: 4, validation: 0, batchSize: 8 },
    })
    const stages = new Set<string>()
    await classifier.fit(images, labels, { onProgress: ({ stage }) => stages.add(stage) })
    expect([...stages]).toEqual(['features', 'activations', 'training', 'svm'])
    expect(classifier.extractor.tuning).toMatchObject({ kept: true, epochs: 4, flip: false })
    expect(await extractor.extract(others)).toEqual(before)
    expect(await classifier.extractor.extract(others)).not.toEqual(before)
    const { accuracy } = await classifier.evaluate(others, theirs)
    expect(accuracy).toBeGreaterThan(0.8)
    using loaded = await ImageClassifier.load(await classifier.save())
    expect(await loaded.extractor.extract(others)).toEqual(await classifier.extractor.extract(others))
    expect(await loaded.decisionFunction(others)).toEqual(await classifier.decisionFunction(others))
  })

  it('may keep the features of the frozen CNN beside the tuned ones', async () => {
    using extractor = await FeatureExtractor.create()
    using classifier = await ImageClassifier.create({
      extractor,
      fineTune: { from: 'stage3', epochs: 2, validation: 0, batchSize: 8, joinFrozen: true },
    })
    await classifier.fit(images, labels)
    const { featureSize } = extractor
    const features = await classifier.extractor.extract(others)
    expect(features.cols).toBe(2 * featureSize)
    const frozen = await extractor.extract(others)
    for (const i of others.keys()) expect(features.row(i).slice(featureSize)).toEqual(frozen.row(i))
    const { accuracy } = await classifier.evaluate(others, theirs)
    expect(accuracy).toBeGreaterThan(0.8)
    const { map } = await classifier.explain(others[0])
    expect(map.data.some((value) => value !== 0)).toBe(true)
    using loaded = await ImageClassifier.load(await classifier.save())
    expect(await loaded.decisionFunction(others)).toEqual(await classifier.decisionFunction(others))
  })

  it('starts each fit from its original CNN', async () => {
    using classifier = await ImageClassifier.create({
      fineTune: { from: 'stage3', epochs: 1, validation: 0 },
    })
    await classifier.fit(images, labels)
    const once = await classifier.decisionFunction(others)
    await classifier.fit(images, labels)
    expect(await classifier.decisionFunction(others)).toEqual(once)
  })

  it.each([
    ['the validation images if the CNN was fine-tuned', 0.02, true, 1],
    ['the folds of cv if the CNN was left unchanged', 1e-9, false, 5],
  ])('scores a grid on %s', async (_, learningRate, kept, folds) => {
    using classifier = await ImageClassifier.create({
      extractor: { model: layeredCnnBytes(), preprocess: texturePreprocess },
      fineTune: { from: 'input', epochs: 10, batchSize: 8, learningRate, augment: false },
    })
    await classifier.fit(textures(0, 25), textureLabels(25), { grid: { C: [1, 10] }, cv: 5 })
    const { tuning } = classifier.extractor
    expect(tuning!.kept).toBe(kept)
    expect(classifier.search!.cvResults.splitTestScores).toHaveLength(folds)
    const { rows, tuned } = tuning!.validation!
    expect(new Set(rows).size).toBe(15)
    if (kept) expect(classifier.search!.bestScore).toBeGreaterThanOrEqual(tuned - 0.1)
  })

  it('learns probabilities and the threshold of unknown from images that the CNN has not seen', async () => {
    using classifier = await ImageClassifier.create({
      extractor: { model: layeredCnnBytes(), preprocess: texturePreprocess },
      fineTune: { from: 'input', epochs: 10, batchSize: 8, augment: false },
      probability: true,
      unknown: { reject: 0.1 },
    })
    const [images, labels] = [textures(0, 25), textureLabels(25)]
    const done: number[] = []
    await classifier.fit(images, labels, {
      onProgress: ({ stage, total }) => void (stage === 'calibration' && done.push(total)),
    })
    expect(done).toEqual([1])
    const held = classifier.extractor.tuning!.validation!.rows
    expect(held).toHaveLength(15)

    const features = await classifier.extractor.extract(images)
    const seen = [...images.keys()].filter((row) => !held.includes(row))
    const unseen = held
    const scaler = new StandardScaler()
    const svc = new SVC<string>(classifier.svm.getParams()).clone({ probability: false })
    await svc.fit(
      await scaler.fitTransform(features.select(seen)),
      seen.map((row) => labels[row]),
    )
    const decisions = await svc.decisionFunction(await scaler.transform(features.select(unseen)), {
      shape: 'ovo',
    })
    const own = {
      decisions: Float64Array.from(decisions.data),
      labels: encodeLabels(unseen.map((row) => labels[row])),
    }
    const { sigmoids } = await fitCalibration(own, new TimeSlice())
    expect(classifier.svm.toState().sigmoids).toEqual(sigmoids)

    // Of the images that were held out, about the share is refused that was asked for.
    const scores = await classifier.knownScore(unseen.map((row) => images[row]))
    const refused = scores.filter((score) => score <= 0).length / scores.length
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThanOrEqual(0.2)

    // Images that are added later are as new to the CNN.
    await classifier.add(textures(25, 30), textureLabels(5))
    await classifier.refit()
    expect(classifier.svm.toState().sigmoids).not.toEqual(sigmoids)
  })

  it('with refit still learns probabilities and parameters from images that a CNN has not seen', async () => {
    const tuning = { from: 'input', epochs: 10, batchSize: 8, augment: false } as const
    const network = { model: layeredCnnBytes(), preprocess: texturePreprocess }
    using classifier = await ImageClassifier.create({
      extractor: network,
      fineTune: { ...tuning, refit: true },
      probability: true,
    })
    const [images, labels] = [textures(0, 25), textureLabels(25)]
    await classifier.fit(images, labels, { grid: { C: [1, 10] } })
    expect(classifier.extractor.tuning).toMatchObject({ kept: true, refit: true })
    expect(classifier.extractor.tuning!.validation!.rows).toHaveLength(15)

    // A classifier without refit has the CNN that was compared, and the same parameters and sigmoids follow from it.
    using once = await ImageClassifier.create({
      extractor: network,
      fineTune: { ...tuning, refit: false },
      probability: true,
    })
    await once.fit(images, labels, { grid: { C: [1, 10] } })
    expect(classifier.search).toEqual(once.search)
    expect(classifier.svm.toState().sigmoids).toEqual(once.svm.toState().sigmoids)

    // Its own SVM learns from the CNN that has seen all images.
    const features = await classifier.extractor.extract(images)
    expect(features).not.toEqual(await once.extractor.extract(images))
    const svc = classifier.svm.clone({ probability: false })
    await svc.fit(await new StandardScaler().fitTransform(features), labels)
    expect(svc.toState().supportVectors).toEqual(classifier.svm.toState().supportVectors)

    for (const one of [classifier, once]) {
      await one.add(textures(25, 30), textureLabels(5))
      await one.refit()
    }
    expect(classifier.svm.toState().sigmoids).toEqual(once.svm.toState().sigmoids)
  })

  it('warns if the CNN has learnt from all images that probabilities could come from', async () => {
    for (const [options, count] of [
      [{ probability: true }, 1],
      [{ unknown: true }, 1],
      [{}, 0],
    ] as const) {
      using classifier = await ImageClassifier.create({
        extractor: { model: layeredCnnBytes(), preprocess: texturePreprocess },
        fineTune: { from: 'input', epochs: 1, batchSize: 8, augment: false, validation: 0 },
        ...options,
      })
      const told: string[] = []
      await classifier.fit(textures(0, 8), textureLabels(8), { onWarning: (message) => told.push(message) })
      expect(told.filter((message) => message.includes('fineTune.validation'))).toHaveLength(count)
    }
  })

  it('chooses the layer before fine-tuning', async () => {
    using classifier = await ImageClassifier.create({
      extractor: { layer: 'auto', pooling: { grid: 2 } },
      fineTune: { from: 'input', epochs: 1, batchSize: 16, validation: 0 },
    })
    await classifier.fit(images, labels, { cv: 3, cautious: false })
    expect(classifier.extractor.describe().layer).toBe(classifier.rankedLayers![0].layer)
    expect(classifier.extractor.tuning!.kept).toBe(true)
    await classifier.fit(images, labels, { cv: 3 })
    expect(classifier.rankedLayers!.length).toBeGreaterThan(2)
  })

  it('keeps its fitted state if a later fit is aborted', async () => {
    using classifier = await ImageClassifier.create({
      fineTune: { from: 'stage3', epochs: 1, validation: 0 },
    })
    await classifier.fit(images, labels)
    const before = await classifier.decisionFunction(others)
    const controller = new AbortController()
    const onProgress = ({ stage }: { stage: string }) => stage === 'training' && controller.abort()
    await expect(
      classifier.fit(images, labels, { signal: controller.signal, onProgress }),
    ).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await classifier.decisionFunction(others)).toEqual(before)
  })

  it('reports an unreadable image once', async () => {
    const broken: number[] = []
    const some: (RawImage | Uint8Array)[] = [...images]
    some[3] = new Uint8Array([1, 2, 3])
    using classifier = await ImageClassifier.create({ fineTune: { from: 'stage3', epochs: 1 } })
    await classifier.fit(some, labels, { onUnreadable: (i) => void broken.push(i) })
    expect(broken).toEqual([3])
  })

  it.each([false, true])(
    'names the labels if one class alone can be read, with fineTune %s',
    async (fineTune) => {
      const some = images.map((image, i) => (labels[i] === 7 ? image : new Uint8Array([1, 2, 3])))
      using classifier = await ImageClassifier.create({ fineTune })
      await expect(classifier.fit(some, labels, { onUnreadable: () => {} })).rejects.toMatchObject({
        code: 'ONE_CLASS',
        argument: 'labels',
      })
    },
  )

  it('rejects a store, and fineTune options passed to fit', async () => {
    const store = FeatureStore.inMemory()
    await expect(ImageClassifier.create({ fineTune: true, store })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'store',
    })
    await expect(ImageClassifier.create({ fineTune: { refit: true }, unknown: true })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'fineTune.refit',
    })
    const signal = AbortSignal.timeout(1000)
    await expect(ImageClassifier.create({ fineTune: { signal } as never })).rejects.toMatchObject({
      argument: 'fineTune.signal',
    })
    await expect(ImageClassifier.create({ fineTune: { epoch: 1 } as never })).rejects.toMatchObject({
      argument: 'fineTune',
      message: expect.stringContaining("did you mean 'epochs'"),
    })
    await expect(ImageClassifier.create({ fineTune: 'yes' as never })).rejects.toMatchObject({
      argument: 'fineTune',
    })
  })
})
