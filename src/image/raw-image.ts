/** Raw pixels in row-major order, `channels` bytes per pixel (grey, RGB or RGBA). */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray
  width: number
  height: number
  channels: 1 | 3 | 4
}

/** Description of an input for error messages. */
export const wantedImage =
  'an image: bytes of a picture file (Uint8Array, ArrayBuffer, Blob), an ImageData, a RawImage, a canvas, an ImageBitmap, an image or video element, a VideoFrame, a URL or a path'
