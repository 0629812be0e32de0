// Packs weights into the orders in which the kernels read them.

import type { Convolution } from '../lowering/operations.ts'

/** Output channels per panel, which `dense` computes at once. */
export const PANEL = 8

/** Scale factor of a filter. */
function scaleOf({ scale }: Convolution, filter: number): number {
  return scale ? scale[filter] : 1
}

/**
 * Packs weights for `dense`: [groups][filters per group / 8][taps][channels per group][8], with partial
 * panels zero-padded.
 */
export function packDense(convolution: Convolution, to: Float32Array): void {
  const { groups, kernel, input, bias } = convolution
  const weights = convolution.weights()
  const depth = input.shape.channels / groups
  const taps = kernel[0] * kernel[1]
  const filters = bias.length / groups
  let at = 0
  for (let group = 0; group < groups; group++) {
    for (let first = 0; first < filters; first += PANEL) {
      const lanes = Math.min(PANEL, filters - first)
      for (let lane = 0; lane < lanes; lane++) {
        const filter = group * filters + first + lane
        const factor = scaleOf(convolution, filter)
        let from = filter * depth * taps
        for (let c = 0; c < depth; c++) {
          for (let tap = 0; tap < taps; tap++) {
            to[at + (tap * depth + c) * PANEL + lane] = weights[from++] * factor
          }
        }
      }
      at += taps * depth * PANEL
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

/** Weight transform matrix of Winograd's F(4 x 4, 3 x 3). */
const G = Float64Array.of(
  ...[1 / 4, 0, 0],
  ...[-1 / 6, -1 / 6, -1 / 6],
  ...[-1 / 6, 1 / 6, -1 / 6],
  ...[1 / 24, 1 / 12, 1 / 6],
  ...[1 / 24, -1 / 12, 1 / 6],
  ...[0, 0, 1],
)

/** Packs weights for `winograd`: [36][filters / 8][channels][8]. Transformed in float64 and rounded once. */
export function packWinograd(convolution: Convolution, to: Float32Array): void {
  const { input, bias } = convolution
  const weights = convolution.weights()
  const { channels } = input.shape
  const planeLength = Math.ceil(bias.length / PANEL) * PANEL * channels
  const half = new Float64Array(18)
  for (let filter = 0; filter < bias.length; filter++) {
    const factor = scaleOf(convolution, filter)
    for (let c = 0; c < channels; c++) {
      const from = (filter * channels + c) * 9
      for (let i = 0; i < 6; i++) {
        const row = 3 * i
        for (let column = 0; column < 3; column++) {
          const at = from + column
          half[row + column] =
            G[row] * weights[at] + G[row + 1] * weights[at + 3] + G[row + 2] * weights[at + 6]
        }
      }
      const put = Math.floor(filter / PANEL) * channels * PANEL + c * PANEL + (filter % PANEL)
      for (let i = 0; i < 6; i++) {
        for (let j = 0; j < 6; j++) {
          const at = 3 * i
          const row = 3 * j
          const sum = G[row] * half[at] + G[row + 1] * half[at + 1] + G[row + 2] * half[at + 2]
          to[(i * 6 + j) * planeLength + put] = sum * factor
        }
      }
    }
  }
}
