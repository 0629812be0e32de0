import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { FeatureExtractor } from './extractor.ts'

const picture = new URL('../../../test/fixtures/images/150x90.png', import.meta.url)

it('the larger bundled CNN is tiny and a network that enlarges the pictures, in the engine', async () => {
  using extractor = await FeatureExtractor.create({ model: 'small' })
  expect(extractor.runtime.name).toBe('engine')
  expect(extractor.describe()).toMatchObject({
    model: 'small',
    layer: 'features',
    pooling: 'none',
    preprocess: { size: { width: 32, height: 32 }, order: 'rgb' },
    featureSize: 576,
  })
  const stages = extractor.layers().filter(({ endsStage }) => endsStage)
  expect(stages.map(({ name, shape }) => [name, ...shape!])).toEqual([
    ['tiny.stage1', 16, 32, 32],
    ['tiny.stage2', 48, 16, 16],
    ['tiny.stage3', 96, 8, 8],
    ['tiny.stage4', 192, 4, 4],
    ['enlarged.stage1', 16, 48, 48],
    ['enlarged.stage2', 48, 24, 24],
    ['enlarged.stage3', 96, 12, 12],
    ['enlarged.stage4', 192, 6, 6],
    ['features', 576],
  ])
  const layers = ['features', 'enlarged.features', 'enlarged.stage4', 'enlarged.stage3']
  const [joined, enlarged, ...averages] = await extractor.extractLayers(
    [picture],
    layers.map((layer) => ({ layer })),
  )
  using tiny = await FeatureExtractor.create({ model: 'tiny' })
  expect([...joined.data]).toEqual([...(await tiny.extract([picture])).data, ...enlarged.data])
  const means = averages.flatMap(({ data }) => Array.from(data))
  means.forEach((value, i) => void expect(Math.sqrt(value + 0.01)).toBeCloseTo(enlarged.data[i], 5))
})

it('it gives onnxruntime-web the same features', async () => {
  using engine = await FeatureExtractor.create({ model: 'small' })
  using other = await FeatureExtractor.create({ model: 'small', runtime: 'onnxruntime' })
  const [mine, wanted] = [await engine.extract([picture]), await other.extract([picture])]
  const range = Math.max(...wanted.data)
  mine.data.forEach((value, i) => void expect(Math.abs(value - wanted.data[i]) / range).toBeLessThan(1e-5))
})

it('its file has at most 3 MB', () => {
  expect(readFileSync('models/small/small.onnx').length).toBeLessThan(3_000_000)
})
