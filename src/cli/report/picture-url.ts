import { base64Encode } from '../../core/base64.ts'
import { decodeImage } from '../../image/decode.ts'
import { encodePng } from '../../image/png/encode-png.ts'
import { resize } from '../../image/resize.ts'

/** The longer side of a picture in the report, in pixels. */
const SIDE = 128

/** A small copy of a picture as a data URL of a PNG file. @throws {SoftmarginError} as `decodeImage` */
export async function pictureUrl(path: string): Promise<string> {
  const image = await decodeImage(path)
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height))
  const size = {
    width: Math.max(1, Math.round(image.width * scale)),
    height: Math.max(1, Math.round(image.height * scale)),
  }
  const pixels = resize(image, size, scale === 1 ? 'nearest' : 'bilinear')
  return `data:image/png;base64,${base64Encode(encodePng(pixels))}`
}
