// Creates a MobileNetV2 as an ONNX file, with the real shapes (3.4 million weights, 300 million multiply-adds at 224 x
// 224), seeded random weights, and each BatchNorm folded into the convolution before it.
import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
} from 'onnx-buf'
import { seeded } from './random.js'

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
  const { normal } = seeded(2)
  const node = []
  const initializer = []
  const tensor = (name, dims, scale) => {
    const values = Float32Array.from({ length: dims.reduce((all, n) => all * n, 1) }, () => scale * normal())
    initializer.push({
      name,
      dataType: DataType.FLOAT,
      dims: dims.map(BigInt),
      rawData: new Uint8Array(values.buffer),
    })
    return name
  }
  const add = (opType, input, output, attributes = {}) => {
    const attribute = Object.entries(attributes).map(([name, ints]) =>
      Array.isArray(ints)
        ? { name, type: AttributeType.INTS, ints: ints.map(BigInt) }
        : { name, type: AttributeType.INT, i: BigInt(ints) },
    )
    node.push({ name: output, opType, input, output: [output], attribute })
    return output
  }
  tensor('zero', [], 0)
  initializer.push({ name: 'six', dataType: DataType.FLOAT, dims: [], floatData: [6] })
  let count = 0
  const convolution = (x, channels, filters, { kernel = 1, strides = 1, group = 1, clips = true }) => {
    const name = `conv${++count}`
    const fan = (channels / group) * kernel * kernel
    const inputs = [x, tensor(`${name}.w`, [filters, channels / group, kernel, kernel], Math.sqrt(2 / fan))]
    inputs.push(tensor(`${name}.b`, [filters], 0.1))
    const pad = kernel >> 1
    const made = add('Conv', inputs, name, {
      kernel_shape: [kernel, kernel],
      strides: [strides, strides],
      pads: [pad, pad, pad, pad],
      group,
    })
    return clips ? add('Clip', [made, 'zero', 'six'], `${name}.clip`) : made
  }
  let x = convolution('input', 3, 32, { kernel: 3, strides: 2 })
  let channels = 32
  for (const [expansion, filters, repeats, stride] of stages) {
    for (let i = 0; i < repeats; i++) {
      const strides = i === 0 ? stride : 1
      const wide = channels * expansion
      let y = expansion > 1 ? convolution(x, channels, wide, {}) : x
      y = convolution(y, wide, wide, { kernel: 3, strides, group: wide })
      y = convolution(y, wide, filters, { clips: false })
      x = strides === 1 && channels === filters ? add('Add', [x, y], `add${count}`) : y
      channels = filters
    }
  }
  x = convolution(x, channels, 1280, {})
  x = add('GlobalAveragePool', [x], 'pool')
  add('Flatten', [x], 'features', { axis: 1 })
  const port = (name, dims) => ({
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: DataType.FLOAT,
          shape: {
            dim: dims.map((size) => ({
              value:
                typeof size === 'string'
                  ? { case: 'dimParam', value: size }
                  : { case: 'dimValue', value: BigInt(size) },
            })),
          },
        },
      },
    },
  })
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 7n,
      opsetImport: [{ domain: '', version: 14n }],
      graph: {
        name: 'mobilenet-v2',
        node,
        initializer,
        input: [port('input', ['N', 3, 'height', 'width'])],
        output: [port('features', ['N', 1280])],
      },
    }),
  )
}
