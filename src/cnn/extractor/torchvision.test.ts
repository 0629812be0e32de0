import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { resnet18 } from '../../../scripts/resnet18.js'
import type { RawImage } from '../../image/image-input.ts'
import type { Preprocess } from '../../image/preprocess-options.ts'
import { FeatureExtractor } from './extractor.ts'

const folder = new URL('../../../test/fixtures/images/', import.meta.url)
const cases: { file: string; preprocess: Preprocess; expected: string }[] = JSON.parse(
  readFileSync(new URL('pictures.json', folder), 'utf8'),
)
const photos = cases.filter(({ file }) => file.startsWith('photo-'))

it("a ResNet-18 gives features within 1 % of those for torchvision's pixels", async () => {
  expect(photos).toHaveLength(20)
  using extractor = await FeatureExtractor.create({ model: resnet18(), preprocess: { size: 64 } })
  const theirs = photos.map(({ expected }): RawImage => {
    return {
      data: new Uint8Array(readFileSync(new URL(expected, folder))),
      width: 64,
      height: 64,
      channels: 3,
    }
  })
  const wanted = await extractor.extract(theirs)
  for (const resample of ['bilinear', 'bicubic'] as const) {
    const indexes = [...photos.keys()].filter((i) => photos[i].preprocess.resample === resample)
    // The same preprocessing in Hugging Face's format.
    const preprocess = {
      do_resize: true,
      size: { shortest_edge: 73 },
      resample: resample === 'bicubic' ? 3 : 2,
      do_center_crop: true,
      crop_size: 64,
    }
    using ours = await FeatureExtractor.fromModel(await extractor.cutModel(), { preprocess })
    const features = await ours.extract(indexes.map((i) => new URL(photos[i].file, folder)))
    for (const [row, i] of indexes.entries()) {
      let difference = 0
      let length = 0
      for (const [j, value] of wanted.row(i).entries()) {
        difference += (features.row(row)[j] - value) ** 2
        length += value ** 2
      }
      expect(Math.sqrt(difference / length), photos[i].file).toBeLessThan(0.01)
    }
  }
})
