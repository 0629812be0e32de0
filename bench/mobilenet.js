// Creates a MobileNetV2 as an ONNX file: 3.4 million seeded random weights, 300 million multiply-adds at 224 x 224.
import { NetWriter } from './net-writer.js'

/** Expansion, channels, repeats and stride of each stage, as in the paper. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
]

/** @returns {Uint8Array} the bytes of an .onnx file; input `input`, output `features` */
export function mobileNetV2() {
  const net = new NetWriter()
  const bounds = [net.number('zero', 0), net.number('six', 6)]
  const clipped = (x, ...shape) => {
    const made = net.convolution(x, ...shape)
    return net.add('Clip', [made, ...bounds], `${made}.clip`)
  }
  let x = clipped('input', 3, 32, { kernel: 3, strides: 2 })
  let channels = 32
  for (const [expansion, filters, repeats, stride] of stages) {
    for (let i = 0; i < repeats; i++) {
      const strides = i === 0 ? stride : 1
      const wide = channels * expansion
      let y = expansion > 1 ? clipped(x, channels, wide) : x
      y = clipped(y, wide, wide, { kernel: 3, strides, group: wide })
      y = net.convolution(y, wide, filters)
      x = strides === 1 && channels === filters ? net.add('Add', [x, y], `${y}.sum`) : y
      channels = filters
    }
  }
  x = clipped(x, channels, 1280)
  x = net.add('GlobalAveragePool', [x], 'pool')
  net.add('Flatten', [x], 'features', { axis: 1 })
  return net.finish('mobilenet-v2', 1280)
}
