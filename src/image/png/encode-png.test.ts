import { describe, expect, it } from 'vitest'
import { Random } from '../../core/random.ts'
import { encodePng } from './encode-png.ts'
import { decodePng } from './png.ts'

describe('encodePng', () => {
  const random = new Random(5)
  const pixels = (length: number) => Uint8Array.from({ length }, () => random.below(256))

  it.each([
    [1, 1, 1],
    [1, 7, 3],
    [3, 1, 5],
    [3, 40, 31],
    [4, 33, 2],
    [4, 1, 1],
  ] as const)(
    'encodes %i channels of %i x %i pixels that the decoder reads',
    async (channels, width, height) => {
      const data = pixels(width * height * channels)
      const decoded = await decodePng(encodePng({ data, width, height, channels }))
      expect([decoded.width, decoded.height]).toEqual([width, height])
      const rgba = Array.from({ length: width * height }, (_, i) => {
        const pixel = data.subarray(i * channels, (i + 1) * channels)
        return channels === 4 ? [...pixel] : [pixel[0], pixel[1 % channels], pixel[2 % channels], 255]
      })
      expect([...decoded.data]).toEqual(rgba.flat())
    },
  )

  it('compresses smooth pixels', () => {
    const data = Uint8ClampedArray.from({ length: 256 * 256 * 4 }, (_, i) => ((i >> 2) & 255) / 2)
    expect(encodePng({ data, width: 256, height: 256, channels: 4 }).length).toBeLessThan(4000)
  })
})
