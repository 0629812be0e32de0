import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { crc32, deflateSync } from 'node:zlib'
import decodeByOracle, { init } from '@jsquash/png/decode.js'
import { zlibSync } from 'fflate'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import {
  channelsOf,
  encodePng,
  filteredRows,
  kinds,
  type PngPicture,
  pngChunk,
  pngFile,
  pngHead,
  pngHeader,
} from '../../../test/support/png-file.ts'
import { SeededRandom } from '../../../test/support/random.ts'
import { decodeImage } from '../decode.ts'
import type { RawImage } from '../image-input.ts'
import { decodePng } from './png.ts'
import { inflateParts, MAX_EXPANSION } from './png-inflate.ts'

/** A picture of random samples, half of them from a few values, so that transparent ones occur. */
function anyPicture(kind: (typeof kinds)[number], isInterlaced: boolean, seed: number): PngPicture {
  const random = new SeededRandom(seed)
  const { colour, depth } = kind
  const width = 1 + random.below(random.below(2) === 0 ? 20 : 9)
  const height = 1 + random.below(random.below(2) === 0 ? 20 : 9)
  const few = random.below(2) === 0 ? 2 : 2 ** depth
  const samples = Array.from({ length: width * height * channelsOf[colour] }, () => random.below(few))
  const entries = 1 + random.below(2 ** depth)
  return {
    ...{ width, height, colour, depth, isInterlaced, samples },
    ...(colour === 3 ? { palette: Uint8Array.from({ length: 3 * entries }, () => random.below(256)) } : {}),
    ...(random.below(2) === 0 ? transparencyOf(colour, entries, random) : {}),
    filterOf: () => random.below(5),
  }
}

function transparencyOf(colour: number, entries: number, random: SeededRandom) {
  if (colour === 3)
    return { transparency: Uint8Array.from({ length: random.below(entries + 1) }, () => random.below(256)) }
  if (colour !== 0 && colour !== 2) return {}
  return {
    transparency: Uint8Array.from({ length: colour === 0 ? 2 : 6 }, (_, i) => (i % 2 ? random.below(2) : 0)),
  }
}

describe('pixels match another decoder', () => {
  beforeAll(async () => {
    const codec = createRequire(import.meta.url).resolve('@jsquash/png/codec/pkg/squoosh_png_bg.wasm')
    await init(await WebAssembly.compile(new Uint8Array(readFileSync(codec))))
  })

  const cases = kinds.flatMap((kind) => [false, true].map((isInterlaced) => ({ ...kind, isInterlaced })))
  it.each(cases)('colour type $colour with $depth bits, interlaced: $isInterlaced', async (kind) => {
    for (let seed = 0; seed < 100; seed++) {
      const file = encodePng(anyPicture(kind, kind.isInterlaced, seed))
      const { data, width, height } = await decodePng(file)
      const wanted = await decodeByOracle(file as unknown as ArrayBuffer)
      expect({ width, height }, `seed ${seed}`).toEqual({ width: wanted.width, height: wanted.height })
      expect(Buffer.from(data).equals(Buffer.from(wanted.data)), `seed ${seed}`).toBe(true)
    }
  })
})

const grey: PngPicture = {
  width: 5,
  height: 4,
  colour: 0,
  depth: 8,
  samples: Array.from({ length: 20 }, (_, i) => i),
}
const indexed: PngPicture = { ...grey, colour: 3, palette: new Uint8Array(60).map((_, i) => i) }
const pixels = zlibSync(filteredRows(grey))
const idat = pngChunk('IDAT', pixels)
const end = pngChunk('IEND')
const wanted = Uint8ClampedArray.from({ length: 80 }, (_, i) => (i % 4 === 3 ? 255 : i >> 2))

describe('a file is accepted', () => {
  it.each<[string, Uint8Array]>([
    [
      'with one IDAT chunk per byte',
      pngFile(pngHeader(grey), ...[...pixels].map((byte) => pngChunk('IDAT', [byte])), end),
    ],
    ['with empty IDAT chunks', pngFile(pngHeader(grey), pngChunk('IDAT'), idat, pngChunk('IDAT'), end)],
    [
      'with bytes after the compressed pixels',
      pngFile(pngHeader(grey), pngChunk('IDAT', [...pixels, 1, 2, 3]), end),
    ],
    ['with bytes after IEND', pngFile(pngHeader(grey), idat, end, Uint8Array.of(1, 2, 3))],
    ['with a suggested palette', pngFile(pngHeader(grey), pngChunk('PLTE', [1, 2, 3]), idat, end)],
    ['with tRNS after IDAT', pngFile(pngHeader(grey), idat, pngChunk('tRNS', [0, 1]), end)],
    [
      'of an animation, which gives its first image',
      pngFile(
        pngHeader(grey),
        pngChunk('acTL', [0, 0, 0, 1, 0, 0, 0, 0]),
        idat,
        pngChunk('fdAT', [0, 0, 0, 1, 9]),
        end,
      ),
    ],
  ])('%s', async (_, file) => {
    expect(await decodePng(file)).toEqual({ data: wanted, width: 5, height: 4, channels: 4 })
  })
})

describe('a file with valid checksums is rejected with a reason', () => {
  const header = (at: number, value: number) => {
    const data = pngHeader(grey).slice(8, -4)
    data[at] = value
    return pngChunk('IHDR', data)
  }
  const damaged = pixels.slice()
  damaged[2] = 7
  it.each<[string, Uint8Array, string]>([
    [
      'too few pixels',
      pngFile(pngHeader(grey), pngChunk('IDAT', zlibSync(new Uint8Array(23))), end),
      'fewer pixels',
    ],
    [
      'too many pixels',
      pngFile(pngHeader(grey), pngChunk('IDAT', zlibSync(new Uint8Array(25))), end),
      'more pixels',
    ],
    ['no pixels', pngFile(pngHeader(grey), pngChunk('IDAT'), end), 'fewer pixels'],
    ['no IDAT chunk', pngFile(pngHeader(grey), end), 'no chunk IDAT'],
    [
      'half of the compressed pixels',
      pngFile(pngHeader(grey), pngChunk('IDAT', pixels.slice(0, 12)), end),
      'truncated',
    ],
    [
      'damaged compression',
      pngFile(pngHeader(grey), pngChunk('IDAT', damaged), end),
      'compressed pixels are damaged',
    ],
    ['another compression', pngFile(pngHeader(grey), pngChunk('IDAT', pixels.slice(1)), end), 'zlib'],
    [
      'a preset dictionary',
      pngFile(pngHeader(grey), pngChunk('IDAT', [0x78, 0xbb, ...pixels.slice(2)]), end),
      'zlib',
    ],
    [
      'filter 5',
      pngFile(pngHeader(grey), pngChunk('IDAT', zlibSync(new Uint8Array(24).fill(5))), end),
      'filter 5',
    ],
    ['pixels in two places', pngFile(pngHeader(grey), idat, pngChunk('tEXt'), idat, end), 'not consecutive'],
    ['two headers', pngFile(pngHeader(grey), pngHeader(grey), idat, end), 'two chunks IHDR'],
    ['two palettes', pngFile(...pngHead(indexed), pngChunk('PLTE', [1, 2, 3]), idat, end), 'two chunks PLTE'],
    ['no palette', pngFile(pngHeader(indexed), idat, end), 'palette is missing'],
    ['an empty palette', pngFile(pngHeader(indexed), pngChunk('PLTE'), idat, end), 'palette is missing'],
    [
      'a palette after the pixels',
      pngFile(pngHeader(indexed), idat, pngChunk('PLTE', [1, 2, 3]), end),
      'palette is missing',
    ],
    [
      'transparency before the palette',
      pngFile(pngHeader(indexed), pngChunk('tRNS', [1]), pngChunk('PLTE', [1, 2, 3]), idat, end),
      'before chunk PLTE',
    ],
    [
      'transparency of one byte',
      pngFile(pngHeader(grey), pngChunk('tRNS', [1]), idat, end),
      'chunk tRNS has 1 bytes instead of 2',
    ],
    [
      'two transparencies',
      pngFile(pngHeader(grey), pngChunk('tRNS', [0, 1]), pngChunk('tRNS', [0, 1]), idat, end),
      'two chunks tRNS',
    ],
    [
      'an unknown critical chunk',
      pngFile(pngHeader(grey), pngChunk('CgBI'), idat, end),
      'the unknown critical chunk CgBI',
    ],
    ['3 bits', pngFile(header(8, 3), idat, end), 'colour type 0 with 3 bits'],
    ['colour type 1', pngFile(header(9, 1), idat, end), 'colour type 1 with 8 bits'],
    ['compression method 1', pngFile(header(10, 1), idat, end), 'compression, filter or interlace method'],
    ['filter method 1', pngFile(header(11, 1), idat, end), 'compression, filter or interlace method'],
    ['interlace method 2', pngFile(header(12, 2), idat, end), 'compression, filter or interlace method'],
    ['a width of 0', pngFile(header(3, 0), idat, end), '0 x 4 pixels'],
    ['16 million rows', pngFile(header(5, 255), idat, end), 'fewer pixels'],
  ])('%s', async (_, file, reason) => {
    await expect(decodePng(file)).rejects.toThrow(reason)
  })

  it('a decompression bomb, before it is inflated', async () => {
    const bomb = deflateSync(new Uint8Array(2 ** 26))
    const file = pngFile(pngHeader(grey), pngChunk('IDAT', bomb), end)
    await expect(decodePng(file)).rejects.toThrow('more pixels')
    const taken: number[] = []
    const takeOnce = (bytes: Uint8Array) => {
      taken.push(bytes.length)
      throw new Error('enough')
    }
    expect(() => inflateParts([bomb], takeOnce)).toThrow('enough')
    expect(taken.length).toBe(1)
    expect(taken[0]).toBeLessThan(2 ** 14 * MAX_EXPANSION)
  })
})

it('valid files still decode after thousands of damaged ones', async () => {
  const fixtures = ['61x47.png', 'palette.png', 'sixteen-bit.png', 'alpha.png']
  const files = fixtures.map(
    (name) => new Uint8Array(readFileSync(new URL(`../../../test/fixtures/images/${name}`, import.meta.url))),
  )
  const before = await Promise.all(files.map((file) => decodeImage(file)))
  const random = new SeededRandom(1)
  let refused = 0
  for (let i = 0; i < 6000; i++) {
    const damaged = pixels.slice()
    damaged[random.below(damaged.length)] ^= 1 << random.below(8)
    const file = pngFile(
      pngHeader(grey),
      pngChunk('IDAT', damaged.slice(0, 1 + random.below(damaged.length))),
      end,
    )
    await decodeImage(file).catch((error) => {
      expect(error.code).toBe('IMAGE_UNREADABLE')
      refused++
    })
  }
  expect(refused).toBeGreaterThan(4000)
  const after = await Promise.all(files.map((file) => decodeImage(file)))
  expect(after).toEqual(before)
})

describe("a large file, which the host's inflater decompresses", () => {
  const random = new SeededRandom(3)
  const side = 700
  const samples = Uint8Array.from(
    { length: side * side },
    (_, i) => (i % side) * (i / side) + random.below(3),
  )
  const large: PngPicture = {
    width: side,
    height: side,
    colour: 0,
    depth: 8,
    samples,
    filterOf: (y) => y % 5,
  }
  const tall: PngPicture = { ...large, colour: 6, width: side / 2, height: side / 2, isInterlaced: true }
  const stream = zlibSync(filteredRows(large))
  const packed = (bytes: ArrayLike<number>) => pngFile(pngHeader(large), pngChunk('IDAT', bytes), end)
  const isRight = ({ data }: RawImage) =>
    data.every((value, i) => value === (i % 4 === 3 ? 255 : samples[i >> 2]))

  const hash = ({ data }: RawImage) => crc32(data)

  /** The results of decoding a file with Node's inflater, with that of the web, and without a host's inflater. */
  async function outcomes(file: Uint8Array): Promise<(number | string)[]> {
    const decode = () => decodePng(file).then(hash, String)
    const node = await decode()
    vi.stubGlobal('EdgeRuntime', 'as on hosts without files')
    const web = await decode()
    vi.stubGlobal('DecompressionStream', undefined)
    const none = await decode()
    vi.unstubAllGlobals()
    return [node, web, none]
  }

  it('has the original pixels with each inflater', async () => {
    const files = [packed(stream), encodePng(tall), packed([...stream, 1, 2, 3])]
    const images = await Promise.all(files.map(decodePng))
    expect(isRight(images[0])).toBe(true)
    expect(Buffer.from(images[1].data).equals(Buffer.from(samples))).toBe(true)
    expect(isRight(images[2])).toBe(true)
    for (const [i, file] of files.entries())
      expect(await outcomes(file)).toEqual(Array(3).fill(hash(images[i])))
  })

  it('is rejected with the same message as a small one', async () => {
    const rows = filteredRows(large)
    const more = new Uint8Array(rows.length + 1)
    more.set(rows)
    await expect(decodePng(packed(zlibSync(more)))).rejects.toThrow('more pixels')
    await expect(decodePng(packed(zlibSync(rows.subarray(0, -1))))).rejects.toThrow('fewer pixels')
    await expect(decodePng(packed(zlibSync(rows.fill(9, 5 * (side + 1)))))).rejects.toThrow('filter 9')
    await expect(decodePng(packed(stream.subarray(0, -9)))).rejects.toThrow('are truncated')
    await expect(decodePng(packed(deflateSync(new Uint8Array(2 ** 26))))).rejects.toThrow('more pixels')
    for (let i = 0; i < 30; i++) {
      const damaged = stream.slice()
      damaged[2 + random.below(damaged.length - 6)] ^= 1 << random.below(8)
      const [node, web, none] = await outcomes(packed(damaged))
      expect([node, web]).toEqual([none, none])
    }
  })
})
