import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import encodeJpegPixels, { init as initJpeg } from '@jsquash/jpeg/encode.js'
import encodePngPixels, { init as initPng } from '@jsquash/png/encode.js'
import type { ImageInput, RawImage } from '../../src/image/image-input.ts'

const require = createRequire(import.meta.url)
const side = 28
const greys = new Map<number, number[]>()
const codec = (path: string) => new WebAssembly.Module(new Uint8Array(readFileSync(require.resolve(path))))

/** A real handwritten digit of 28 x 28 pixels, number `i` of its kind (there are about 1,000 of each). */
export function digit(which: number, i: number): RawImage {
  if (!greys.has(which)) greys.set(which, require(`mnist/src/digits/${which}.json`).data)
  const values = greys.get(which)!.slice(i * side * side, (i + 1) * side * side)
  return {
    data: Uint8Array.from(values, (grey) => Math.round(grey * 255)),
    width: side,
    height: side,
    channels: 1,
  }
}

/** Digits `from` to `from + count` of each of these kinds in turn, labelled such as `'digit 7'`. */
export function labelledDigits(
  kinds: number[],
  count: number,
  from = 0,
): { images: ImageInput[]; labels: string[] } {
  const pairs = Array.from({ length: count }, (_, i) => kinds.map((kind) => ({ kind, i: from + i }))).flat()
  return {
    images: pairs.map(({ kind, i }) => digit(kind, i)),
    labels: pairs.map(({ kind }) => `digit ${kind}`),
  }
}

let ready: Promise<unknown> | undefined

/** Encodes a picture as a PNG file. */
export async function pngOf(image: RawImage): Promise<Uint8Array> {
  await makeReady()
  return new Uint8Array(await encodePngPixels(imageData(image)))
}

/** Encodes a picture as a JPEG file. */
export async function jpegOf(image: RawImage): Promise<Uint8Array> {
  await makeReady()
  return new Uint8Array(await encodeJpegPixels(imageData(image), { quality: 95 }))
}

function makeReady(): Promise<unknown> {
  ready ??= Promise.all([
    initPng(codec('@jsquash/png/codec/pkg/squoosh_png_bg.wasm')),
    // The type definitions omit the second argument, without which it would fetch the module.
    (initJpeg as (module: WebAssembly.Module, options: object) => Promise<unknown>)(
      codec('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'),
      {},
    ),
  ])
  return ready
}

function imageData({ data, width, height }: RawImage): ImageData {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255)
  for (let i = 0; i < width * height; i++) rgba.fill(data[i], i * 4, i * 4 + 3)
  return { data: rgba, width, height, colorSpace: 'srgb' } as ImageData
}
