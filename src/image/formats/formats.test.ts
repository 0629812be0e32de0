import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeImage } from '../decode.ts'
import type { RawImage } from '../image-input.ts'
import { decodeBmp } from './bmp.ts'
import { turned } from './orientation.ts'

const folder = new URL('../../../test/fixtures/formats/', import.meta.url)
const read = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)))

/** The largest difference between the samples of two images of the same size. */
function distance(found: RawImage, wanted: RawImage): number {
  expect({ width: found.width, height: found.height }).toEqual({ width: wanted.width, height: wanted.height })
  let most = 0
  for (let i = 0; i < found.data.length; i++) most = Math.max(most, Math.abs(found.data[i] - wanted.data[i]))
  return most
}

describe('files are decoded as by Pillow', () => {
  const names = readdirSync(folder).filter((name) => !name.endsWith('.png') && !name.endsWith('.avif'))
  it.each(names)('%s', async (name) => {
    const wanted = await decodeImage(read(`${name}.png`))
    // JPEG decoders differ in rounding.
    expect(distance(await decodeImage(read(name)), wanted)).toBeLessThanOrEqual(name.endsWith('jpg') ? 12 : 0)
  })
})

describe('AVIF', () => {
  it('is decoded', async () => {
    expect(
      distance(await decodeImage(read('scene.avif')), await decodeImage(read('24.bmp.png'))),
    ).toBeLessThan(60)
  })

  it('with transparency is composited over white', async () => {
    const { data, width, height } = await decodeImage(read('alpha.avif'))
    const scene = await decodeImage(read('24.bmp.png'))
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = (y * width + x) * 4
        const wanted = x > y ? [...scene.data.subarray(at, at + 4)] : [255, 255, 255, 255]
        expect([...data.subarray(at, at + 4)].every((value, i) => Math.abs(value - wanted[i]) <= 2)).toBe(
          true,
        )
      }
    }
  })
})

it('EXIF orientation is applied as by the JPEG decoder', async () => {
  const picture = (orientation: number) =>
    new Uint8Array(readFileSync(new URL(`../images/orientation${orientation}.jpg`, folder)))
  const upright = await decodeImage(picture(1))
  for (let orientation = 1; orientation <= 8; orientation++) {
    expect(distance(turned(upright, orientation), await decodeImage(picture(orientation)))).toBe(0)
  }
})

describe('BMP', () => {
  const bytes = (...values: number[]) => Uint8Array.from(values)
  const head = (...rest: number[]) => [0x42, 0x4d, 0, 0, 0, 0, 0, 0, 0, 0, ...rest]

  it('of OS/2 with a short header is decoded', () => {
    const file = bytes(
      ...head(32, 0, 0, 0),
      ...[12, 0, 0, 0, 2, 0, 1, 0, 1, 0, 1, 0],
      ...[1, 2, 3, 9, 8, 7],
      64,
      0,
      0,
      0,
    )
    expect([...decodeBmp(file).data]).toEqual([3, 2, 1, 255, 7, 8, 9, 255])
  })

  it('with an alpha mask is composited over white', () => {
    const size = [56, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 32, 0, 3, 0, 0, 0, ...Array(20).fill(0)]
    const masks = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255]
    const file = bytes(...head(70, 0, 0, 0), ...size, ...masks, 1, 2, 3, 4)
    expect([...decodeBmp(file).data]).toEqual([3, 2, 1, 4])
  })
})

describe('a truncated file is rejected, and valid ones are decoded afterwards', () => {
  it.each(['interlaced.gif', '8.bmp', 'rle8.bmp', 'alpha.webp', 'moving.webp', 'scene.avif', 'cmyk.jpg'])(
    '%s',
    async (name) => {
      const file = read(name)
      const before = await decodeImage(file)
      for (const share of [0.05, 0.2, 0.5, 0.9]) {
        const error = await decodeImage(file.subarray(0, file.length * share), 'images[0]').catch((e) => e)
        expect(error, `${share} of it`).toMatchObject({ code: 'IMAGE_UNREADABLE', argument: 'images[0]' })
      }
      expect(distance(await decodeImage(file), before)).toBe(0)
    },
  )

  it('with too many pixels is rejected', async () => {
    const gif = read('plain.gif')
    gif.fill(255, 6, 10)
    await expect(decodeImage(gif)).rejects.toThrow('too large: 65535 x 65535 pixels')
    const bmp = read('24.bmp')
    bmp.fill(127, 18, 26)
    await expect(decodeImage(bmp)).rejects.toThrow('too large')
    const avif = read('scene.avif')
    const at = Buffer.from(avif).indexOf('ispe')
    avif.fill(127, at + 8, at + 16)
    await expect(decodeImage(avif)).rejects.toThrow('too large')
  })
})
