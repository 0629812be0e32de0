import { expect, it } from 'vitest'
import { FeatureExtractor } from './extractor.ts'

const picture = new URL('../../../test/fixtures/images/150x90.png', import.meta.url)

it('the embedded CNN works without any option, preprocessed as its file says', async () => {
  using extractor = await FeatureExtractor.create()
  expect(extractor.describe()).toMatchObject({
    model: 'tiny',
    layer: 'features',
    pooling: 'none',
    preprocess: { size: { width: 32, height: 32 }, order: 'rgb' },
    featureSize: 288,
  })
  const features = await extractor.extract([picture])
  expect(features).toMatchObject({ rows: 1, cols: 288 })
  expect(features.data.every((value) => value >= 0) && features.data.some((value) => value > 0)).toBe(true)
})

it('it has the documented stages and accepts larger images', async () => {
  using extractor = await FeatureExtractor.create({ model: 'tiny', preprocess: { size: 64 } })
  const layers = ['stage1', 'stage2', 'stage3', 'stage4', 'features', 'logits']
  const maps = await extractor.extractLayers(
    [picture],
    layers.map((layer) => ({ layer, pooling: 'none' })),
  )
  const sizes = [16 * 64 * 64, 48 * 32 * 32, 96 * 16 * 16, 192 * 8 * 8, 288, 100]
  expect(maps.map(({ cols }) => cols)).toEqual(sizes)
  // `features` are square roots of the averages of `stage4` and `stage3`.
  const averages = await extractor.extractLayers([picture], [{ layer: 'stage4' }, { layer: 'stage3' }])
  const joined = averages.flatMap(({ data }) => Array.from(data))
  joined.forEach((value, i) => void expect(Math.sqrt(value + 0.01)).toBeCloseTo(maps[4].data[i], 5))
})
