import type { Matrix } from '../../core/matrix.ts'
import type { RawImage } from '../../image/image-input.ts'
import { resize, type Window } from '../../image/resize.ts'
import { interpolate } from './interpolate.ts'

/** The longer side of the pixels of an explanation. */
const MAX_SIDE = 1024

/** Colours of parts that speak for and against the label. */
const FOR = [255, 40, 0]
const AGAINST = [0, 90, 255]

/** The share of the colour where the map is greatest. */
const OPACITY = 0.7

/**
 * Draws a map over an image: red where its values are above 0 and blue where they are below, the more the greater they
 * are. The image becomes paler, so that the colours stand out, and is shrunk if it is large.
 *
 * @param image opaque RGBA
 * @param window the part of the image that the map covers, in pixels of the image
 */
export function heatOverlay(image: RawImage, map: Matrix, window: Window): RawImage & { channels: 4 } {
  const scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height))
  const width = Math.max(1, Math.round(image.width * scale))
  const height = Math.max(1, Math.round(image.height * scale))
  const { data: rgb } = resize(image, { width, height }, 'bilinear')
  const most = map.data.reduce((all, value) => Math.max(all, Math.abs(value)), 0)
  const data = new Uint8ClampedArray(width * height * 4)
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    const row = ((((y + 0.5) * image.height) / height - window.top) * map.rows) / window.height - 0.5
    for (let x = 0; x < width; x++, from += 3, to += 4) {
      const column = ((((x + 0.5) * image.width) / width - window.left) * map.cols) / window.width - 0.5
      const value = most > 0 && isWithin(map, row, column) ? interpolate(map, row, column) / most : 0
      const colour = value > 0 ? FOR : AGAINST
      const share = OPACITY * Math.abs(value)
      for (let c = 0; c < 3; c++) data[to + c] = Math.round(rgb[from + c] * (1 - share) + colour[c] * share)
      data[to + 3] = 255
    }
  }
  return { data, width, height, channels: 4 }
}

/** Whether a place is between the outer edges of a map. */
function isWithin(map: Matrix, row: number, column: number): boolean {
  return row >= -0.5 && column >= -0.5 && row <= map.rows - 0.5 && column <= map.cols - 0.5
}
