// An EfficientNet-B0 as an ONNX file: 4 million weights, 390 million multiply-adds at 224 x 224.
import { NetWriter } from './net-writer.js'

/** Expansion, channels, repeats, stride and window of each stage, as in the paper. */
const stages = [
  [1, 16, 1, 1, 3],
  [6, 24, 2, 2, 3],
  [6, 40, 2, 2, 5],
  [6, 80, 3, 2, 3],
  [6, 112, 3, 1, 5],
  [6, 192, 4, 2, 5],
  [6, 320, 1, 1, 3],
]

/** @returns {Uint8Array} the bytes of an .onnx file; input `input`, output `features` */
export function efficientNetB0() {
  const net = new NetWriter()
  const silu = (x) => net.add('Mul', [x, net.add('Sigmoid', [x], `${x}.sigmoid`)], `${x}.silu`)
  const activated = (x, ...shape) => silu(net.convolution(x, ...shape))
  let x = activated('input', 3, 32, { kernel: 3, strides: 2 })
  let channels = 32
  for (const [expansion, filters, repeats, stride, kernel] of stages) {
    for (let i = 0; i < repeats; i++) {
      const strides = i === 0 ? stride : 1
      const wide = channels * expansion
      let y = expansion > 1 ? activated(x, channels, wide) : x
      y = activated(y, wide, wide, { kernel, strides, group: wide })
      // Squeeze and excite, to a quarter of the channels before the expansion.
      const squeezed = net.add('GlobalAveragePool', [y], `${y}.pool`)
      const gate = net.convolution(activated(squeezed, wide, channels >> 2), channels >> 2, wide)
      y = net.add('Mul', [y, net.add('Sigmoid', [gate], `${gate}.gate`)], `${y}.gated`)
      y = net.convolution(y, wide, filters)
      x = strides === 1 && channels === filters ? net.add('Add', [x, y], `${y}.sum`) : y
      channels = filters
    }
  }
  x = activated(x, channels, 1280)
  x = net.add('GlobalAveragePool', [x], 'pool')
  net.add('Flatten', [x], 'features', { axis: 1 })
  return net.finish('efficientnet-b0', 1280)
}
