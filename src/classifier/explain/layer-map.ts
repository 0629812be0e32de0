import type { LayerAverages, LayerMap } from '../../cnn/extractor/layer-averages.ts'
import { Matrix } from '../../core/matrix.ts'
import type { RawImage } from '../../image/image-input.ts'
import type { Size } from '../../image/preprocess-options.ts'
import { upsample } from './interpolate.ts'
import { type ScoreRows, WINDOW } from './occlusion-map.ts'

/** Maximum number of rows and of columns of windows that are left out in turn. */
const MAX_WINDOWS = 16

/**
 * By how much the score of a picture falls if a window of its maps is left out of their averages.
 *
 * @param picture opaque RGBA, of the size of the network's input
 * @returns a value for each pixel of the picture, row by row
 */
export async function layerMap(
  averages: LayerAverages,
  picture: RawImage,
  score: ScoreRows,
): Promise<Float32Array> {
  const maps = await averages.maps(picture)
  const height = Math.min(MAX_WINDOWS, Math.max(...maps.map((map) => map.height)))
  const width = Math.min(MAX_WINDOWS, Math.max(...maps.map((map) => map.width)))
  const features = await averages.features(averagesWithoutWindows(maps, { height, width }))
  const [whole, ...without] = await score(features)
  return upsample({ data: without.map((value) => whole - value), rows: height, cols: width }, picture)
}

/**
 * The averages of maps: one row with nothing left out, and then one for each place of a window, row by row, without that
 * window. Places in the maps of a mirror image count from the right.
 */
function averagesWithoutWindows(maps: readonly LayerMap[], places: Size): Matrix {
  const channels = maps.reduce((sum, map) => sum + map.channels, 0)
  const rows = 1 + places.height * places.width
  const data = new Float32Array(rows * channels)
  let from = 0
  for (const map of maps) {
    const addRow = (row: number, weights: Float64Array) => {
      for (let c = 0; c < map.channels; c++)
        data[row * channels + from + c] = weightedAverage(map, c, weights)
    }
    addRow(0, new Float64Array(map.height * map.width).fill(1))
    for (let y = 0, row = 1; y < places.height; y++) {
      const down = keptShares(map.height, places.height, y)
      for (let x = 0; x < places.width; x++, row++) {
        const across = keptShares(map.width, places.width, map.isMirrored ? places.width - 1 - x : x)
        const weights = new Float64Array(map.height * map.width)
        for (let i = 0; i < weights.length; i++) {
          // A cell is hidden where both its row and its column are.
          weights[i] = 1 - (1 - down[Math.floor(i / map.width)]) * (1 - across[i % map.width])
        }
        addRow(row, weights)
      }
    }
    from += map.channels
  }
  return new Matrix(data, rows, channels)
}

/**
 * For each cell along one side, the share outside the window around a place. The window is at least one place wide.
 *
 * @param places number of places along the side, at equal distances
 */
function keptShares(cells: number, places: number, place: number): Float64Array {
  const half = Math.max(1, WINDOW * places) / 2
  const scale = cells / places
  const from = (place + 0.5 - half) * scale
  const to = (place + 0.5 + half) * scale
  return Float64Array.from({ length: cells }, (_, cell) => {
    return 1 - Math.max(0, Math.min(cell + 1, to) - Math.max(cell, from))
  })
}

function weightedAverage(map: LayerMap, channel: number, weights: Float64Array): number {
  const { data, width, rowStride, columnStride } = map
  const offset = map.offset + channel * map.channelStride
  let [sum, total] = [0, 0]
  for (let i = 0; i < weights.length; i++) {
    const y = Math.floor(i / width)
    sum += weights[i] * data[offset + y * rowStride + (i - y * width) * columnStride]
    total += weights[i]
  }
  return sum / total
}
