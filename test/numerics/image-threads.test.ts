import { describe, expect, test } from 'vitest'
import { FeatureExtractor } from '../../src/cnn/extractor/extractor.ts'
import { digits, enlarged, extractOn, testImageThreads } from '../support/image-threads.ts'

describe('threads of an extractor in softmargin', () => testImageThreads('engine'))

test.each([
  // A megabyte of four views of each image, so that they are computed in two parts.
  ['stage1', 4, digits.slice(0, 140)],
  // Resizing large images is worth a thread.
  ['input', 1, digits.slice(0, 60).map((image) => enlarged(image, 40))],
])(
  'compute what a fine-tuning above %s keeps of the images, with the same bits for any number',
  async (from, epochs, some) => {
    const labels = some.map((_, i) => i % 10)
    const tune = async (extractor: FeatureExtractor) => {
      let worked = 0
      using tuned = await extractor.fineTune(some, labels, {
        ...{ from, epochs, validation: 0, augment: { flip: true } },
        onProgress: ({ stage, threads }) => {
          if (stage === 'activations') worked = threads!
        },
      })
      return { worked, model: await tuned.toOnnx() }
    }
    using one = await FeatureExtractor.create({ threads: 1 })
    using two = await FeatureExtractor.create({ threads: 2 })
    const { model, worked } = await tune(one)
    expect(worked).toBe(1)
    let most = 0
    for (let tries = 0; tries < 5 && most < 2; tries++) {
      const other = await tune(two)
      expect(other.model).toEqual(model)
      most = Math.max(most, other.worked)
    }
    expect(most).toBe(2)
  },
  120_000,
)

test('disposing of an extractor ends its calls on the threads, and other extractors continue', async () => {
  using one = await FeatureExtractor.create({ threads: 1 })
  const gone = await FeatureExtractor.create({ threads: 2 })
  using left = await FeatureExtractor.create({ threads: 2 })
  await extractOn(gone, digits, 2)
  const calls = [gone.extract(digits), gone.extract(digits)]
  const other = left.extract(digits)
  gone.dispose()
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'DISPOSED' })
  expect(await other).toEqual(await one.extract(digits))
})

test('short calls stay on the calling thread', async () => {
  using extractor = await FeatureExtractor.create({ threads: 2 })
  for (let i = 0; i < 20; i++) {
    const onProgress = ({ threads }: { threads: number }) => expect(threads).toBe(1)
    await extractor.extract(digits.slice(i, i + 1), { onProgress })
  }
})
