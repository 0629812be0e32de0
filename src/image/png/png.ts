import type { RawImage } from '../image-input.ts'
import { readChunks } from './png-chunks.ts'
import { inflateParts, inflatePartsByHost, MAX_EXPANSION } from './png-inflate.ts'
import { bitsPerPixel, expander } from './png-pixels.ts'
import { PngRows } from './png-rows.ts'

/**
 * Decodes a PNG file of any colour type and bit depth. 16-bit channels are reduced to their upper 8 bits. Of
 * an animation only the first image is decoded. Apart from the image itself, it holds two rows and the inflated data of
 * 16 kB of the file in memory.
 *
 * @returns RGBA with the file's alpha
 * @throws {Error} with a message that says what is wrong with the file
 */
export async function decodePng(bytes: Uint8Array): Promise<RawImage> {
  const chunks = readChunks(bytes)
  const { header, data } = chunks
  const bits = bitsPerPixel(header)
  // A header can declare any size, so no memory is allocated for more pixels than the data can contain.
  const compressed = data.reduce((sum, { length }) => sum + length, 0)
  const needed = PngRows.bytesOf(header, bits)
  if (needed > compressed * MAX_EXPANSION) throw tooFew()
  const pixels = new Uint32Array(header.width * header.height)
  const newRows = () => new PngRows(header, bits, expander(chunks), pixels)
  let rows = newRows()
  const isInflated = needed >= forHost && (await inflatePartsByHost(data, (inflated) => rows.push(inflated)))
  if (!isInflated || !rows.isComplete) {
    rows = newRows()
    inflateParts(data, (inflated) => rows.push(inflated))
  }
  if (!rows.isComplete) throw tooFew()
  return {
    data: new Uint8ClampedArray(pixels.buffer),
    width: header.width,
    height: header.height,
    channels: 4,
  }
}

/** Number of inflated bytes above which the host's inflater is faster, since it takes some time to start. */
const forHost = 2 ** 19

function tooFew(): Error {
  return new Error('it is truncated (it has fewer pixels than its header declares)')
}
