import type { Matrix } from '../../core/matrix.ts'
import type { RawImage } from '../../image/image-input.ts'
import { resize, type Window } from '../../image/resize.ts'
import { gridCoordinate, interpolate } from './interpolate.ts'

/** Maximum length of the longer side of the result, in pixels. */
const MAX_SIDE = 1024

/** Colours of parts that speak for and against the label. */
const FOR = [255, 40, 0]
const AGAINST = [0, 90, 255]

/** The weight of the colour where the map's magnitude is greatest. */
const OPACITY = 0.7

/**
 * Draws a map over an image: red where its values are above 0 and blue where they are below, the more opaque the greater
 * their magnitude. Where the map is 0, and outside of it, the image keeps its colours. A large image is shrunk to
 * `MAX_SIDE`.
 *
 * @param image opaque RGBA
 * @param window the part of the image that the map covers, in pixels of the image
 */
export function heatOverlay(image: RawImage, map: Matrix, window: Window): RawImage & { channels: 4 } {
  const scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height))
  const width = Math.max(1, Math.round(image.width * scale))
  const height = Math.max(1, Math.round(image.height * scale))
  const { data: rgb } = resize(image, { width, height }, 'bilinear')
  const greatest = map.data.reduce((all, value) => Math.max(all, Math.abs(value)), 0)
  const data = new Uint8ClampedArray(width * height * 4)
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    const row = gridCoordinate(((y + 0.5) * image.height) / height - window.top, window.height, map.rows)
    for (let x = 0; x < width; x++, from += 3, to += 4) {
      const across = ((x + 0.5) * image.width) / width - window.left
      const column = gridCoordinate(across, window.width, map.cols)
      const isCovered = greatest > 0 && isWithin(map, row, column)
      const value = isCovered ? interpolate(map, row, column) / greatest : 0
      const colour = value > 0 ? FOR : AGAINST
      const alpha = OPACITY * Math.abs(value)
      for (let c = 0; c < 3; c++) data[to + c] = Math.round(rgb[from + c] * (1 - alpha) + colour[c] * alpha)
      data[to + 3] = 255
    }
  }
  return { data, width, height, channels: 4 }
}

/** Whether a point is between the outer edges of a map. */
function isWithin(map: Matrix, row: number, column: number): boolean {
  return row >= -0.5 && column >= -0.5 && row <= map.rows - 0.5 && column <= map.cols - 0.5
}
