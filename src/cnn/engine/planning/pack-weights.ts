// Packs weights into the orders in which the kernels read them.

import type { Convolution } from '../lowering/operations.ts'
import type { KernelFacts } from '../wasm/instance.ts'
import { roundUp } from './maps.ts'

/** Scale factor of a filter. */
function scaleOf({ scale }: Convolution, filter: number): number {
  return scale ? scale[filter] : 1
}

/** The panel of a filter: index of its first value, and its channels. Panels are documented in assembly/cnn/tile.ts. */
function panelOf(filter: number, filters: number, depth: number, { wide, narrow }: KernelFacts) {
  const first = filter - (filter % wide)
  return { at: first * depth, width: filters - first <= narrow ? narrow : wide }
}

/** Number of filters with those that fill the last panel. */
export function paddedFilters(filters: number, { narrow }: KernelFacts): number {
  return roundUp(filters, narrow)
}

/** Packs weights for `dense`: [groups][panels][taps][channels per group][panel's filters], zero-padded. */
export function packDense(convolution: Convolution, facts: KernelFacts, to: Float32Array): void {
  const { groups, kernel, input, bias } = convolution
  const weights = convolution.weights()
  const channels = input.shape.channels / groups
  const taps = kernel[0] * kernel[1]
  const depth = taps * channels
  const filters = bias.length / groups
  let from = 0
  for (let index = 0; index < bias.length; index++) {
    const filter = index % filters
    const { at, width } = panelOf(filter, filters, depth, facts)
    const start =
      ((index - filter) / filters) * paddedFilters(filters, facts) * depth + at + (filter % facts.wide)
    const factor = scaleOf(convolution, index)
    for (let c = 0; c < channels; c++) {
      for (let tap = 0; tap < taps; tap++) to[start + (tap * channels + c) * width] = weights[from++] * factor
    }
  }
}

/** Packs weights for `depthwise`: [taps][channels], with `stride` values per tap. */
export function packDepthwise(convolution: Convolution, stride: number, to: Float32Array): void {
  const { kernel, bias } = convolution
  const weights = convolution.weights()
  const taps = kernel[0] * kernel[1]
  for (let c = 0; c < bias.length; c++) {
    const factor = scaleOf(convolution, c)
    for (let tap = 0; tap < taps; tap++) to[tap * stride + c] = weights[c * taps + tap] * factor
  }
}

/**
 * Weight transform matrices of Winograd's F(4 x 4, 3 x 3) and F(2 x 2, 3 x 3), by tile side: rows of three numbers. Flat,
 * since destructuring each row would take most of the time of packing.
 */
const matrices = new Map([
  [
    4,
    Float64Array.of(
      ...[1 / 4, 0, 0],
      ...[-1 / 6, -1 / 6, -1 / 6],
      ...[-1 / 6, 1 / 6, -1 / 6],
      ...[1 / 24, 1 / 12, 1 / 6],
      ...[1 / 24, -1 / 12, 1 / 6],
      ...[0, 0, 1],
    ),
  ],
  [2, Float64Array.of(...[1, 0, 0], ...[1 / 2, 1 / 2, 1 / 2], ...[1 / 2, -1 / 2, 1 / 2], ...[0, 0, 1])],
])

/** Packs weights for `winograd`: [planes][panels][channels][panel's filters]. Transformed in float64 and rounded once. */
export function packWinograd(
  convolution: Convolution,
  side: number,
  facts: KernelFacts,
  to: Float32Array,
): void {
  const { input, bias } = convolution
  const matrix = matrices.get(side)!
  const weights = convolution.weights()
  const { channels } = input.shape
  const filters = bias.length
  const planeLength = paddedFilters(filters, facts) * channels
  const half = new Float64Array(matrix.length)
  for (let filter = 0; filter < filters; filter++) {
    const { at: panel, width } = panelOf(filter, filters, channels, facts)
    const factor = scaleOf(convolution, filter)
    for (let c = 0; c < channels; c++) {
      const from = (filter * channels + c) * 9
      for (let row = 0; row < matrix.length; row += 3) {
        for (let column = 0; column < 3; column++) {
          const at = from + column
          half[row + column] =
            matrix[row] * weights[at] + matrix[row + 1] * weights[at + 3] + matrix[row + 2] * weights[at + 6]
        }
      }
      let put = panel + c * width + (filter % facts.wide)
      for (let i = 0; i < half.length; i += 3) {
        for (let row = 0; row < matrix.length; row += 3) {
          const sum = matrix[row] * half[i] + matrix[row + 1] * half[i + 1] + matrix[row + 2] * half[i + 2]
          to[put] = sum * factor
          put += planeLength
        }
      }
    }
  }
}
