import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import encodeJpegPixels, { init as initJpeg } from '@jsquash/jpeg/encode.js'
import encodePngPixels, { init as initPng } from '@jsquash/png/encode.js'
import type { RawImage } from '../../src/image/image-input.ts'

const require = createRequire(import.meta.url)
const side = 28
const greys = new Map<number, number[]>()
const codec = (path: string) => new WebAssembly.Module(new Uint8Array(readFileSync(require.resolve(path))))

/** A real handwritten digit of 28 x 28 pixels, number `i` of its kind (there are about 1,000 of each). */
export function digit(which: number, i: number): RawImage {
  if (!greys.has(which)) greys.set(which, require(`mnist/src/digits/${which}.json`).data)
  const own = greys.get(which)!.slice(i * side * side, (i + 1) * side * side)
  return {
    data: Uint8Array.from(own, (grey) => Math.round(grey * 255)),
    width: side,
    height: side,
    channels: 1,
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
