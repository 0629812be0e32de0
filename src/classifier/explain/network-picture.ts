import type { RawImage } from '../../image/image-input.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import type { Window } from '../../image/resize.ts'
import { croppedPicture } from '../../image/tensor.ts'

/** What a network sees of an image. */
export interface NetworkPicture {
  /** Opaque RGBA pixels, of the size of the network's input. */
  picture: RawImage
  /** The part of the image that it shows, in pixels of the image; larger than the image if there is a border. */
  window: Window
}

/**
 * Resizes and crops a decoded image to what the network sees.
 *
 * @param image opaque RGBA, as returned by `decodeImage`
 */
export function networkPicture(image: RawImage, preprocess: ResolvedPreprocess): NetworkPicture {
  const { picture, whole, from, window, size } = croppedPicture(image, preprocess)
  const data = new Uint8Array(size.width * size.height * 4)
  for (let i = 3; i < data.length; i += 4) data[i] = 255
  for (let y = 0, from = 0; y < picture.height; y++) {
    let to = ((window.top + y) * size.width + window.left) * 4
    for (let x = 0; x < picture.width; x++, from += 3, to += 4)
      data.set(picture.data.subarray(from, from + 3), to)
  }
  const [across, down] = [image.width / whole.width, image.height / whole.height]
  return {
    picture: { data, ...size, channels: 4 },
    window: {
      left: (from.left - window.left) * across,
      top: (from.top - window.top) * down,
      width: size.width * across,
      height: size.height * down,
    },
  }
}
