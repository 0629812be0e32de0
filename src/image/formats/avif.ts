import type { RawImage } from '../image-input.ts'
import { checkArea } from '../limits.ts'
import { JsquashDecoder } from './jsquash-decoder.ts'

const decoder = new JsquashDecoder('avif', () => import('@jsquash/avif/decode.js'))

/**
 * Decodes an AVIF file with libavif; of a sequence, the first image. Samples of more than 8 bits are reduced to 8.
 *
 * @returns RGBA
 * @throws {Error} with a message that says what is wrong with the file
 */
export async function decodeAvif(bytes: Uint8Array): Promise<RawImage> {
  checkSizes(bytes)
  return decoder.decode(bytes)
}

/** Checks every size that the file declares (boxes `ispe`, ISO/IEC 23008-12) anywhere in its first 64 kB. */
function checkSizes(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = Math.min(bytes.length, 2 ** 16) - 16
  for (let at = 0; at <= end; at++) {
    if (view.getUint32(at) === 0x69737065) checkArea(view.getUint32(at + 8), view.getUint32(at + 12))
  }
}
