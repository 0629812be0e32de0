import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { layeredCnnBytes } from '../../../test/support/layered-cnn.ts'
import type { ImageInput } from '../../image/image-input.ts'
import { FeatureExtractor } from './extractor.ts'

const folder = new URL('../../../test/fixtures/images/', import.meta.url)
const files = ['orientation1.jpg', '32x32.png', 'grey-alpha.png', 'grey.jpg']
const broken = new Uint8Array(readFileSync(new URL('baseline.jpg', folder))).subarray(0, 900)

it('10,000 images need no more memory than 2,000', async () => {
  using extractor = await FeatureExtractor.create({
    model: layeredCnnBytes(),
    preprocess: { size: { width: 12, height: 8 } },
  })
  const images: ImageInput[] = Array.from({ length: 10_000 }, (_, i) => {
    return i % 1000 === 7 ? broken : new URL(files[i % files.length], folder)
  })
  // By now the threads have started and hold their codecs and their part of the network.
  await extractor.extract(images.slice(8, 1000))
  const megabytes: number[] = []
  let unreadable = 0
  const features = await extractor.extract(images, {
    onUnreadable: () => unreadable++,
    onProgress: ({ done }) => {
      if (done >= 2000 * (megabytes.length + 1)) megabytes.push(process.memoryUsage().rss / 2 ** 20)
    },
  })
  expect([features.rows, unreadable]).toEqual([9990, 10])
  expect(megabytes).toHaveLength(5)
  // Allows for uncollected garbage, but not for memory that grows with each image (20 MB would be 2 KB each).
  expect(Math.min(...megabytes.slice(3)) - megabytes[0]).toBeLessThan(20)
})
