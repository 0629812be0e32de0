import { attributesOf, padded, shifts, type Window, windowOf } from './gradient-windows.ts'
import type { GraphBuilder, Tensor } from './graph-builder.ts'
import type { Rules } from './rule.ts'

/** Convolutions. */
export const convolutions: Rules = {
  Conv: (g, op) => {
    const { x, dy } = op
    const w = op.node.input[1]
    const [xDims, wDims] = [g.dims(x), g.dims(w)]
    const group = op.integer('group', 1)
    const window = windowOf(op, wDims.slice(2), xDims)
    const { kernel, strides, dilations, before, after } = window
    const places = g.dims(dy).slice(2)
    // Elements at the end of the map that no window covers.
    const rest = kernel.map(
      (length, i) =>
        xDims[i + 2] -
        ((places[i] - 1) * strides[i] - before[i] - after[i] + (length - 1) * dilations[i] + 1),
    )
    const dx = g.emit('ConvTranspose', [dy, w], {
      ...attributesOf(window, group),
      output_padding: rest.map(BigInt),
    })
    return [dx, weightGradient(g, x, dy, window, group), channelSums(g, dy)]
  },
  // The adjoint of the convolution with the same weights, so that the roles of x and dy are exchanged.
  ConvTranspose: (g, op) => {
    const { x, dy } = op
    const w = op.node.input[1]
    const group = op.integer('group', 1)
    const kernel = g.dims(w).slice(2)
    const window = transposedWindow(
      g.dims(x),
      g.dims(dy),
      windowOf(op, kernel, g.dims(dy)),
      op.text('auto_pad', 'NOTSET'),
    )
    const dx = g.emit('Conv', [dy, w], attributesOf(window, group))
    return [
      g.slice(
        dx,
        kernel.map((_, i) => i + 2),
        kernel.map(() => 0),
        g.dims(x).slice(2),
      ),
      weightGradient(g, dy, x, window, group),
      channelSums(g, dy),
    ]
  },
}

/** Sums over everything but the channels. */
function channelSums(g: GraphBuilder, dy: Tensor): Tensor {
  const dims = g.dims(dy)
  return g.reshape(
    g.sum(
      dy,
      [...dims.keys()].filter((i) => i !== 1),
    ),
    [dims[1]],
  )
}

/**
 * The gradient of a convolution's weights [K, C / group, ...kernel]: for each position of the kernel the product of
 * dy with the elements of the map that the position covers, as one matrix product for each group.
 *
 * @param x the convolution's input [N, C, ...sides]
 * @param dy the gradient of its output [N, K, ...places]
 */
function weightGradient(g: GraphBuilder, x: Tensor, dy: Tensor, window: Window, group: number): Tensor {
  const [batch, channels] = g.dims(x)
  const [, filters, ...places] = g.dims(dy)
  const area = places.reduce((all, n) => all * n, 1)
  const [inputs, outputs] = [channels / group, filters / group]
  const axes = places.map((_, i) => i + 2)
  // Channels first, so that a slice is a matrix of channels and places.
  const byChannel = g.transpose(padded(g, x, window, places), [1, 0, ...axes])
  const slices = shifts(g, byChannel, window, places).map((slice) =>
    g.reshape(slice, [group, 1, inputs, batch * area]),
  )
  const columns = g.reshape(g.concat(slices, 1), [group, slices.length * inputs, batch * area])
  const split = g.reshape(dy, [batch, group, outputs, area])
  const rows = g.reshape(g.transpose(split, [1, 0, 3, 2]), [group, batch * area, outputs])
  const product = g.reshape(g.matMul(columns, rows), [group, ...window.kernel, inputs, outputs])
  const rank = places.length
  const order = [0, rank + 2, rank + 1, ...places.map((_, i) => i + 1)]
  return g.reshape(g.transpose(product, order), [filters, inputs, ...window.kernel])
}

/**
 * The window of the convolution whose adjoint a ConvTranspose is.
 *
 * The padding before the first element follows from the sizes if auto_pad or output_shape leaves it open.
 */
function transposedWindow(x: number[], y: number[], window: Window, autoPad: string): Window {
  const { kernel, strides, dilations } = window
  if (autoPad === 'NOTSET') return window
  const total = kernel.map((length, i) =>
    Math.max(0, (x[i + 2] - 1) * strides[i] + (length - 1) * dilations[i] + 1 - y[i + 2]),
  )
  const small = total.map((n) => Math.floor(n / 2))
  const large = total.map((n, i) => n - small[i])
  const [before, after] = autoPad === 'SAME_LOWER' ? [large, small] : [small, large]
  return { ...window, before, after }
}
