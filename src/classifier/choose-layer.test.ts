import { describe, expect, it } from 'vitest'
import { digit } from '../../test/support/digits.ts'
import { layeredCnnBytes } from '../../test/support/layered-cnn.ts'
import { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import type { ImageInput } from '../image/image-input.ts'
import { StratifiedKFold } from '../model-selection/splits/stratified-k-fold.ts'
import { StandardScaler } from '../preprocessing/standard-scaler.ts'
import { SVC } from '../svm/svc.ts'
import { chooseLayer, rankLayers } from './choose-layer.ts'

const kinds = [3, 5, 8]
const images: ImageInput[] = []
const labels: number[] = []
for (let i = 0; i < 24; i++) {
  for (const kind of kinds) {
    images.push(digit(kind, i))
    labels.push(kind)
  }
}

describe('chooseLayer', () => {
  it('ranks the stages of the network by cross-validation', async () => {
    const seen = new Set<string>()
    const ranked = await chooseLayer(images, labels, {
      cv: 3,
      svm: { C: 10 },
      onProgress: ({ stage, done, total }) => {
        seen.add(stage)
        if (done === total) seen.add(`${stage} done`)
      },
    })
    expect(ranked.map(({ layer }) => layer).sort()).toEqual(
      ['stage1', 'stage1', 'stage2', 'stage2', 'stage3', 'stage3', 'stage4', 'stage4', 'features'].sort(),
    )
    expect([...seen]).toEqual(['features', 'features done', 'svm', 'svm done'])
    for (const [i, row] of ranked.entries()) {
      if (i > 0) expect(row.accuracy).toBeLessThanOrEqual(ranked[i - 1].accuracy)
      expect(row.share).toBeGreaterThan(0)
    }
    const last = ranked.find(({ layer }) => layer === 'features')!
    expect(last).toMatchObject({ pooling: 'none', features: 288 })
    const grid = ranked.find(({ layer, pooling }) => layer === 'stage3' && typeof pooling === 'object')!
    expect(grid).toMatchObject({ pooling: { grid: 2 }, features: 96 * 4 })
    expect(grid.share).toBeLessThan(last.share!)
    // For digits the positions of the strokes matter.
    expect(grid.accuracy).toBeGreaterThan(last.accuracy)
  })

  it('scores as a manual cross-validation does, each fold scaled by its training part', async () => {
    using extractor = await FeatureExtractor.create({ layer: 'stage2' })
    const { layers, features, read } = await rankLayers(images, labels, {
      extractor,
      layers: ['stage2'],
      poolings: ['max'],
      cv: 4,
    })
    expect(read).toEqual([...images.keys()])
    const [wanted] = await extractor.extractLayers(images, [{ pooling: 'max' }])
    expect(features[0].data).toEqual(wanted.data)
    let sum = 0
    // Few images are dealt four times.
    const deals = [{}, ...[1, 2, 3].map((randomState) => ({ shuffle: true, randomState }))]
    const folds = deals.flatMap((deal) => new StratifiedKFold({ nSplits: 4, ...deal }).split(images, labels))
    for (const { train, test } of folds) {
      const scaler = await new StandardScaler().fit(wanted.select(train))
      const svc = new SVC({ C: 3 })
      const labelsOf = (rows: Int32Array) => Array.from(rows, (i) => labels[i])
      await svc.fit(await scaler.transform(wanted.select(train)), labelsOf(train))
      sum += await svc.score(await scaler.transform(wanted.select(test)), labelsOf(test))
      svc.dispose()
    }
    expect(layers).toMatchObject([{ layer: 'stage2', pooling: 'max', features: 48 }])
    expect(layers[0].accuracy).toBeCloseTo(sum / 16, 12)
    // The caller's extractor is still usable.
    expect((await extractor.extract([images[0]])).rows).toBe(1)
  })

  it('skips unreadable images', async () => {
    const broken: number[] = []
    const { layers, read } = await rankLayers(['no/such.png', ...images], [3, ...labels], {
      extractor: { model: layeredCnnBytes(), preprocess: { size: 16 } },
      layers: ['relu', 'relu', -2],
      cv: 2,
      onUnreadable: (i) => broken.push(i),
    })
    expect(broken).toEqual([0])
    expect(read).toHaveLength(images.length)
    expect(layers.map(({ layer, features }) => `${layer} ${features}`).sort()).toEqual([
      'logits 5',
      'relu 16',
      'relu 4',
    ])
  })

  it.each([
    ['too few labels', images, labels.slice(1), {}, 'SHAPE_MISMATCH'],
    ['one class', images, labels.map(() => 3), {}, 'ONE_CLASS'],
    ['more folds than images of a class', images, labels, { cv: 25 }, 'TOO_FEW_ROWS'],
    ['no images', [], [], {}, 'EMPTY_INPUT'],
    ['a missing layer', images, labels, { layers: ['stage9'] }, 'LAYER_NOT_FOUND'],
    ['no layers', images, labels, { layers: [] }, 'INVALID_ARGUMENT'],
    ['no poolings', images, labels, { poolings: [] }, 'INVALID_ARGUMENT'],
    ['an aborted signal', images, labels, { signal: AbortSignal.abort() }, 'ABORTED'],
  ])('rejects %s', async (_, someImages, someLabels, options, code) => {
    await expect(chooseLayer(someImages, someLabels, options)).rejects.toMatchObject({ code })
  })
})

it('an extractor alone cannot choose a layer because it has no labels', async () => {
  await expect(FeatureExtractor.create({ layer: 'auto' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: "layer: 'auto' needs labels; use ImageClassifier or chooseLayer()",
  })
})

it('an extractor of another layer is created from an existing one', async () => {
  using extractor = await FeatureExtractor.create()
  using other = await extractor.withLayer({ layer: 'stage3', pooling: { grid: 2 } })
  using twin = await FeatureExtractor.create({ layer: 'stage3', pooling: { grid: 2 } })
  const some = images.slice(0, 3)
  expect((await other.extract(some)).data).toEqual((await twin.extract(some)).data)
  expect(other.describe()).toEqual(twin.describe())
})
