import { padded, positions, scatter, shifts, type Window, windowOf } from './gradient-windows.ts'
import type { GraphBuilder, Tensor } from './graph-builder.ts'
import type { Operation, Rules } from './rule.ts'

/** Pooling by windows. */
export const pools: Rules = {
  AveragePool: (g, op) => {
    const { x, dy } = op
    const dims = g.dims(x)
    const window = poolWindow(g, op)
    const shares = g.mul(dy, inverseCounts(g, op, window))
    const ones = new Float32Array(dims[1] * window.kernel.reduce((all, n) => all * n, 1)).fill(1)
    const kernel = g.floats(ones, [dims[1], 1, ...window.kernel])
    return [scatter(g, shares, kernel, window, dims[1], dims)]
  },
  /**
   * The gradient goes to the first of the largest elements of a window, as in PyTorch. The elements
   * that each position of the window covers are compared with the maximum, since not every device provides indices.
   */
  MaxPool: (g, op) => {
    const { x, y, dy } = op
    const dims = g.dims(x)
    const [batch, channels, ...places] = g.dims(y)
    const window = poolWindow(g, op)
    const map = padded(g, x, window, places, LOWEST_FLOAT32)
    const apart = [batch, channels, 1, ...places]
    const largest = g.reshape(y, apart)
    // Where no earlier position of the window holds the maximum.
    let noEarlier: Tensor | undefined
    const hits = shifts(g, map, window, places).map((slice) => {
      const isLargest = g.emit('Equal', [g.reshape(slice, apart), largest])
      const isFirst = noEarlier === undefined ? isLargest : g.emit('And', [isLargest, noEarlier])
      const isOther = g.emit('Not', [isLargest])
      noEarlier = noEarlier === undefined ? isOther : g.emit('And', [noEarlier, isOther])
      return g.mask(isFirst, g.reshape(dy, apart))
    })
    const patches = g.reshape(g.concat(hits, 2), [batch, channels * hits.length, ...places])
    return [scatter(g, patches, onePosition(g, channels, window.kernel), window, channels, dims)]
  },
}

/** The lowest float32, as padding that is never a maximum. */
const LOWEST_FLOAT32 = -3.4028234663852886e38

function poolWindow(g: GraphBuilder, op: Operation): Window {
  return windowOf(op, op.integers('kernel_shape')!, g.dims(op.x))
}

/** For each channel, a kernel for each position of the window that is 1 there and 0 elsewhere. */
function onePosition(g: GraphBuilder, channels: number, kernel: number[]): Tensor {
  const area = kernel.reduce((all, n) => all * n, 1)
  const ones = new Float32Array(channels * area * area)
  for (let i = 0; i < channels * area; i++) ones[i * area + (i % area)] = 1
  return g.floats(ones, [channels * area, 1, ...kernel])
}

/** One over the number of elements that each place of the window averages, [1, 1, ...places]. */
function inverseCounts(g: GraphBuilder, op: Operation, window: Window): Tensor {
  const sides = g.dims(op.x).slice(2)
  const places = g.dims(op.dy).slice(2)
  const { kernel, strides, dilations, before, after } = window
  const includesPadding = op.integer('count_include_pad', 0) === 1
  const along = places.map((count, i) => {
    const [low, high] = includesPadding ? [-before[i], sides[i] + after[i]] : [0, sides[i]]
    return Array.from({ length: count }, (_, place) => {
      let inside = 0
      for (let k = 0; k < kernel[i]; k++) {
        const at = place * strides[i] - before[i] + k * dilations[i]
        if (at >= low && at < high) inside++
      }
      return inside
    })
  })
  const counts = positions(places).map((at) => at.reduce((all, place, i) => all * along[i][place], 1))
  return g.floats(
    counts.map((count) => 1 / count),
    [1, 1, ...places],
  )
}
