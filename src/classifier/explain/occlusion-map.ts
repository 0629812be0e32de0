import type { Matrix } from '../../core/matrix.ts'
import type { RawImage } from '../../image/image-input.ts'
import { upsample } from './interpolate.ts'

/** Scores rows of features: one number for each. */
export type ScoreRows = (features: Matrix) => Promise<Float64Array>

/** Computes the features of pictures that have the size of the network's input. */
export type ExtractPictures = (pictures: readonly RawImage[]) => Promise<Matrix>

/**
 * Side of the window that is hidden around each place, as a share of the side of the picture. Of the sizes tried, this one
 * pointed best to the right one of four joined photos (`pointing` in bench/explain.js).
 */
export const WINDOW = 3 / 8

/** Maximum number of rows and of columns of windows that are hidden in turn. */
const MAX_WINDOWS = 8

/** Maximum bytes of pictures with a hidden window that are held at once; a larger picture is held alone. */
const PICTURE_BYTES = 2 ** 23

/** Number of pictures whose features `occlusionMap` extracts. */
export function windowCount({ width, height }: RawImage): number {
  return Math.min(MAX_WINDOWS, width) * Math.min(MAX_WINDOWS, height)
}

/**
 * By how much the score of a picture falls if a window of it is hidden (M. Zeiler, R. Fergus, "Visualizing and understanding
 * convolutional networks", ECCV 2014).
 *
 * @param picture opaque RGBA, of the size of the network's input
 * @param whole the score of the picture
 * @param onProgress called with the number of windows that are done
 * @returns a value for each pixel of the picture, row by row
 */
export async function occlusionMap(
  picture: RawImage,
  whole: number,
  extract: ExtractPictures,
  score: ScoreRows,
  onProgress: (done: number) => void,
): Promise<Float32Array> {
  const rows = Math.min(MAX_WINDOWS, picture.height)
  const cols = Math.min(MAX_WINDOWS, picture.width)
  const colour = meanColour(picture)
  const batchSize = Math.max(1, Math.floor(PICTURE_BYTES / picture.data.length))
  const drops: number[] = []
  while (drops.length < rows * cols) {
    const count = Math.min(batchSize, rows * cols - drops.length)
    const hidden = Array.from({ length: count }, (_, i) => {
      const place = drops.length + i
      return withWindow(
        picture,
        (Math.floor(place / cols) + 0.5) / rows,
        ((place % cols) + 0.5) / cols,
        colour,
      )
    })
    for (const occludedScore of await score(await extract(hidden))) drops.push(whole - occludedScore)
    onProgress(drops.length)
  }
  return upsample({ data: drops, rows, cols }, picture)
}

function meanColour({ data }: RawImage): number[] {
  const sums = [0, 0, 0, 0]
  for (let i = 0; i < data.length; i++) sums[i & 3] += data[i]
  return sums.map((sum) => Math.round((sum * 4) / data.length))
}

/** The picture with a window of one colour around a point, which is given as shares of the height and the width. */
function withWindow(
  { data, width, height, channels }: RawImage,
  centreY: number,
  centreX: number,
  colour: number[],
): RawImage {
  const changed = data.slice()
  const [top, bottom] = windowEnds(centreY, height)
  const [left, right] = windowEnds(centreX, width)
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) changed.set(colour, (y * width + x) * 4)
  }
  return { data: changed, width, height, channels }
}

/** The first pixel of a window along a side, and the one after its last. */
function windowEnds(middle: number, side: number): [from: number, to: number] {
  const from = Math.round((middle - WINDOW / 2) * side)
  const to = Math.round((middle + WINDOW / 2) * side)
  return [Math.max(0, from), Math.min(side, Math.max(to, from + 1))]
}
