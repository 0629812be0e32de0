import { readFileSync } from 'node:fs'
import { crc32, deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decodeImage } from './decode.ts'

const folder = new URL('../../test/fixtures/images/', import.meta.url)
const file = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)))
const soon = 10_000

/** Inserts bytes into a file. */
function inserted(bytes: Uint8Array, at: number, more: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]))
}

/** `count` segments of `length` bytes. */
function segments(marker: number, count: number, length: number): Uint8Array {
  const one = Buffer.alloc(length + 4)
  one.set([0xff, marker, (length + 2) >> 8, (length + 2) & 255])
  return new Uint8Array(Buffer.concat(Array(count).fill(one)))
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const ends = Buffer.alloc(8)
  ends.writeUInt32BE(data.length, 0)
  ends.writeUInt32BE(crc32(body), 4)
  return new Uint8Array(Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]))
}

/** Expects that a file decodes to the same picture as the original, within the time limit. */
async function expectSame(bytes: Uint8Array, name: string): Promise<void> {
  const start = performance.now()
  const image = await decodeImage(bytes)
  expect(performance.now() - start).toBeLessThan(soon)
  const wanted = await decodeImage(file(name))
  expect(image).toMatchObject({ width: wanted.width, height: wanted.height })
  expect(Buffer.from(image.data).equals(Buffer.from(wanted.data))).toBe(true)
}

describe('a JPEG file', () => {
  // After the start of the image and the EXIF orientation.
  it.each(['baseline.jpg', 'progressive.jpg', 'orientation6.jpg', 'grey.jpg'])(
    '%s with any number of metadata segments is the same picture',
    async (name) => {
      const jpeg = file(name)
      for (const marker of [0xe1, 0xe2, 0xef, 0xfe]) {
        await expectSame(inserted(jpeg, 2, segments(marker, 100_000, 0)), name)
      }
      await expectSame(inserted(jpeg, 2, segments(0xe2, 255, 65_533)), name)
      await expectSame(inserted(jpeg, 2, segments(0xe1, 600, 65_533)), name)
      // After the tables, before the first scan.
      const scan = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xda)
      await expectSame(inserted(jpeg, scan, segments(0xfe, 100_000, 2)), name)
    },
  )

  it('with more scans than encoders write is rejected', async () => {
    const jpeg = file('progressive.jpg')
    const scan = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xda)
    const end = jpeg.findIndex((byte, i) => i > scan + 2 && byte === 0xff && jpeg[i + 1] !== 0)
    const bomb = inserted(
      jpeg,
      end,
      new Uint8Array(Buffer.concat(Array(20_000).fill(jpeg.subarray(scan, end)))),
    )
    const start = performance.now()
    await expect(decodeImage(bomb)).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      message: expect.stringContaining('more than 100 scans'),
    })
    expect(performance.now() - start).toBeLessThan(soon)
  })
})

describe('a PNG file is decoded to the same picture', () => {
  const zeros = deflateSync(Buffer.alloc(2 ** 28))
  const text = (packed: Uint8Array) => Buffer.concat([Buffer.from('name\0\0', 'latin1'), packed])
  it.each<[string, () => Uint8Array]>([
    ['with a profile that unpacks to 256 MB', () => chunk('iCCP', text(zeros))],
    ['with a text that unpacks to 256 MB', () => chunk('zTXt', text(zeros))],
    [
      'with 100,000 texts',
      () => new Uint8Array(Buffer.concat(Array(100_000).fill(chunk('tEXt', Buffer.from('a\0b'))))),
    ],
    [
      'with 100,000 unknown chunks',
      () => new Uint8Array(Buffer.concat(Array(100_000).fill(chunk('quIz', new Uint8Array(0))))),
    ],
  ])('%s', async (_, make) => {
    for (const name of ['61x47.png', 'palette.png', 'sixteen-bit.png']) {
      // After the header.
      await expectSame(inserted(file(name), 33, make()), name)
    }
  })
})
