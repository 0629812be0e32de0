import type { Matrix } from '../../core/matrix.ts'
import type { RawImage } from '../../image/image-input.ts'
import { spread } from './interpolate.ts'

/** Scores rows of features: one number for each. */
export type ScoreRows = (features: Matrix) => Promise<Float64Array>

/** Computes the features of pictures that have the size of the network's input. */
export type ExtractPictures = (pictures: readonly RawImage[]) => Promise<Matrix>

/** Side of the window that is hidden around each place, as a share of the side of the picture: see bench/explain.js. */
export const WINDOW = 3 / 8

/** Maximum number of rows and of columns of places. */
const MAX_PLACES = 8

/** Bytes of pictures with a hidden window that are held at once. */
const PICTURE_BYTES = 2 ** 23

/** Number of pictures whose features `occlusionMap` extracts. */
export function placesOf({ width, height }: RawImage): number {
  return Math.min(MAX_PLACES, width) * Math.min(MAX_PLACES, height)
}

/**
 * By how much the score of a picture falls if a window of it is hidden (M. Zeiler, R. Fergus, "Visualizing and understanding
 * convolutional networks", ECCV 2014).
 *
 * @param picture opaque RGBA, of the size of the network's input
 * @param whole the score of the picture
 * @param onProgress receives the number of places that are done
 * @returns a value for each pixel of the picture, row by row
 */
export async function occlusionMap(
  picture: RawImage,
  whole: number,
  extract: ExtractPictures,
  score: ScoreRows,
  onProgress: (done: number) => void,
): Promise<Float32Array> {
  const rows = Math.min(MAX_PLACES, picture.height)
  const cols = Math.min(MAX_PLACES, picture.width)
  const colour = meanColour(picture)
  const step = Math.max(1, Math.floor(PICTURE_BYTES / picture.data.length))
  const drops: number[] = []
  while (drops.length < rows * cols) {
    const count = Math.min(step, rows * cols - drops.length)
    const hidden = Array.from({ length: count }, (_, i) => {
      const place = drops.length + i
      return withWindow(
        picture,
        (Math.floor(place / cols) + 0.5) / rows,
        ((place % cols) + 0.5) / cols,
        colour,
      )
    })
    for (const left of await score(await extract(hidden))) drops.push(whole - left)
    onProgress(drops.length)
  }
  return spread({ data: drops, rows, cols }, picture)
}

function meanColour({ data }: RawImage): number[] {
  const sums = [0, 0, 0, 0]
  for (let i = 0; i < data.length; i++) sums[i & 3] += data[i]
  return sums.map((sum) => Math.round((sum * 4) / data.length))
}

/** The picture with a window of one colour around a place, which is given as shares of the sides. */
function withWindow(
  { data, width, height, channels }: RawImage,
  down: number,
  right: number,
  colour: number[],
): RawImage {
  const changed = data.slice()
  const [top, bottom] = ends(down, height)
  const [left, end] = ends(right, width)
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < end; x++) changed.set(colour, (y * width + x) * 4)
  }
  return { data: changed, width, height, channels }
}

/** The first pixel of a window along a side, and the one after its last. */
function ends(middle: number, side: number): [from: number, to: number] {
  const from = Math.round((middle - WINDOW / 2) * side)
  const to = Math.round((middle + WINDOW / 2) * side)
  return [Math.max(0, from), Math.min(side, Math.max(to, from + 1))]
}
