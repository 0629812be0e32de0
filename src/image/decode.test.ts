import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeImage } from './decode.ts'
import type { ImageInput } from './image-input.ts'

const folder = new URL('../../test/fixtures/images/', import.meta.url)
const file = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)))
const text = (content: string) => new TextEncoder().encode(content)

describe('every kind of input gives the same picture', () => {
  const bytes = file('61x47.png')
  const path = new URL('61x47.png', folder)
  const inputs: Record<string, ImageInput> = {
    ArrayBuffer: bytes.buffer.slice(0) as ArrayBuffer,
    'Uint8Array within a larger buffer': new Uint8Array([0, ...bytes, 0]).subarray(1, bytes.length + 1),
    Blob: new Blob([bytes]),
    'file URL': path,
    'file URL as text': path.href,
    path: path.pathname,
    'data URL': `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`,
  }
  it.each(Object.entries(inputs))('%s', async (_, input) => {
    const wanted = await decodeImage(bytes)
    const image = await decodeImage(input)
    expect(image).toMatchObject({ width: 61, height: 47, channels: 4 })
    expect(image.data).toEqual(wanted.data)
    expect(await decodeImage(image)).toEqual(image)
    expect((await decodeImage({ data: image.data, width: 61, height: 47 } as ImageData)).data).toEqual(
      wanted.data,
    )
  })
})

describe('raw pixels', () => {
  it('may be grey, RGB, or RGBA, which is composited over white', async () => {
    const pixel = (channels: 1 | 3 | 4, ...data: number[]) =>
      decodeImage({ data: new Uint8Array(data), width: 1, height: 1, channels })
    expect([...(await pixel(1, 7)).data]).toEqual([7, 7, 7, 255])
    expect([...(await pixel(3, 1, 2, 3)).data]).toEqual([1, 2, 3, 255])
    expect([...(await pixel(4, 100, 0, 255, 0)).data]).toEqual([255, 255, 255, 255])
    expect([...(await pixel(4, 100, 0, 255, 51)).data]).toEqual([224, 204, 255, 255])
  })

  it.each([
    [{ data: new Uint8Array(5), width: 1, height: 2, channels: 3 }, 'SHAPE_MISMATCH', 'image.data'],
    [{ data: new Uint8Array(4), width: 2, height: 2 }, 'SHAPE_MISMATCH', 'image.data'],
    [{ data: new Uint8Array(8), width: 2, height: 2, channels: 2 }, 'INVALID_ARGUMENT', 'image.channels'],
    [{ data: new Uint8Array(0), width: 0, height: 2, channels: 3 }, 'INVALID_ARGUMENT', 'image.width'],
    [{ data: new Uint8Array(3), width: 1, height: 1.5, channels: 3 }, 'INVALID_ARGUMENT', 'image.height'],
    [{ data: [1, 2, 3], width: 1, height: 1, channels: 3 }, 'INVALID_ARGUMENT', 'image.data'],
    [{}, 'INVALID_ARGUMENT', 'image'],
    [null, 'INVALID_ARGUMENT', 'image'],
    [42, 'INVALID_ARGUMENT', 'image'],
    ['', 'INVALID_ARGUMENT', 'image'],
  ])('are validated: %o', async (input, code, argument) => {
    await expect(decodeImage(input as ImageInput)).rejects.toMatchObject({ code, argument })
  })
})

describe('files of other formats are rejected with the name of the format', () => {
  it.each<[string, Uint8Array, string]>([
    ['text', text('Dear reader, this is a list:\r\n\tone\n'), 'but is a text file'],
    ['HTML', text('\n<!DOCTYPE html><html><title>404</title>'), 'but is an HTML page'],
    [
      'SVG',
      text('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
      'but is an SVG drawing',
    ],
    ['nothing', new Uint8Array(0), 'but is empty'],
    ['TIFF', file('picture.tiff'), 'but is a TIFF image'],
    [
      'HEIC',
      text('\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
      'but is a HEIC image; convert it to JPEG, for example with "sips -s format jpeg" (macOS)',
    ],
    ['noise', new Uint8Array([3, 0, 200, 1, 0, 0, 99]), 'but is of an unknown format'],
  ])('%s', async (_, bytes, phrase) => {
    const error = await decodeImage(bytes, 'images[3]').catch((e) => e)
    expect(error).toMatchObject({ name: 'SoftmarginError', code: 'IMAGE_UNREADABLE', argument: 'images[3]' })
    expect(error.message).toMatch(/^images\[3\] /)
    expect(error.message).toContain(phrase)
  })

  it("names the file's path", async () => {
    const path = new URL('pictures.json', folder).pathname
    await expect(decodeImage(path, 'images[1]')).rejects.toThrow(
      `images[1] ('${path}') must be a JPEG, PNG, WebP, AVIF, GIF or BMP image, but is a text file`,
    )
    await expect(decodeImage(new File([text('hello')], 'cat.png'), 'images[1]')).rejects.toThrow(
      `images[1] ('cat.png') must be a JPEG, PNG, WebP, AVIF, GIF or BMP image, but is a text file`,
    )
  })

  it('rejects a missing file', async () => {
    await expect(decodeImage('no/such/file.png', 'images[2]')).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      argument: 'images[2]',
      message: expect.stringMatching(
        /^images\[2\] must be a file that can be read, but 'no\/such\/file\.png' is not/,
      ),
    })
  })
})

describe('a truncated file is rejected', () => {
  const names = ['baseline.jpg', 'progressive.jpg', 'subsampled.jpg', 'grey.jpg', '61x47.png', 'palette.png']
  it.each(names)('%s', async (name) => {
    const bytes = file(name)
    const isPng = name.endsWith('.png')
    // The last 4 bytes of a PNG are the checksum of the empty chunk IEND.
    const lengths = [
      4,
      20,
      150,
      300,
      bytes.length >> 1,
      (bytes.length * 9) / 10,
      bytes.length - (isPng ? 5 : 2),
    ]
    for (const length of lengths) {
      const error = await decodeImage(bytes.subarray(0, length), 'images[0]').catch((e) => e)
      expect(error, `the first ${length} bytes`).toMatchObject({
        code: 'IMAGE_UNREADABLE',
        argument: 'images[0]',
      })
      if (length > 8) expect(error.message).toContain('truncated')
    }
    expect(await decodeImage(bytes), 'the whole file, after all those').toMatchObject({ channels: 4 })
  })

  it('rejects an altered file', async () => {
    const png = file('61x47.png')
    png[png.length >> 1] ^= 16
    await expect(decodeImage(png)).rejects.toThrow(/damaged \(the checksum of chunk IDAT/)
    const jpeg = file('baseline.jpg')
    jpeg.fill(0xff, jpeg.length >> 1, (jpeg.length >> 1) + 40)
    await expect(decodeImage(jpeg)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' })
  })

  it('decodes valid files that run at the same time', async () => {
    const good = file('baseline.jpg')
    const alone = await decodeImage(good)
    const bad = good.subarray(0, good.length >> 1)
    const all = await Promise.allSettled([good, bad, good, bad, good].map((bytes) => decodeImage(bytes)))
    expect(all.map((one) => one.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    for (const one of all) if (one.status === 'fulfilled') expect(one.value.data).toEqual(alone.data)
  })

  it('rejects a file that claims billions of pixels', async () => {
    const jpeg = file('baseline.jpg')
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0)
    jpeg.fill(0xff, frame + 5, frame + 9)
    await expect(decodeImage(jpeg)).rejects.toThrow('too large: 65535 x 65535 pixels')
  })
})

it('throws ABORTED for an aborted signal', async () => {
  await expect(
    decodeImage(file('61x47.png'), 'image', { signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError' })
})
