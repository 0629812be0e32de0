// Writes networks for the bench as ONNX files, with realistic shapes, seeded random weights, and each BatchNorm folded
// into the convolution before it.
import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
} from 'onnx-buf'
import { seeded } from './random.js'

/** A network for images of any size: input `input`, output `features`. */
export class NetWriter {
  #node = []
  #initializer = []
  #count = 0
  #normal = seeded(2).normal

  tensor(name, dims, scale) {
    const length = dims.reduce((all, n) => all * n, 1)
    const values = Float32Array.from({ length }, () => scale * this.#normal())
    const rawData = new Uint8Array(values.buffer)
    this.#initializer.push({ name, dataType: DataType.FLOAT, dims: dims.map(BigInt), rawData })
    return name
  }

  number(name, value) {
    this.#initializer.push({ name, dataType: DataType.FLOAT, dims: [], floatData: [value] })
    return name
  }

  /** Adds a node; returns the name of its output. */
  add(opType, input, output, attributes = {}) {
    const attribute = Object.entries(attributes).map(([name, ints]) =>
      Array.isArray(ints)
        ? { name, type: AttributeType.INTS, ints: ints.map(BigInt) }
        : { name, type: AttributeType.INT, i: BigInt(ints) },
    )
    this.#node.push({ name: output, opType, input, output: [output], attribute })
    return output
  }

  /** Adds a convolution with a bias, and padding that keeps the size at stride 1. */
  convolution(x, channels, filters, { kernel = 1, strides = 1, group = 1 } = {}) {
    const name = `conv${++this.#count}`
    const depth = channels / group
    const scale = Math.sqrt(2 / (depth * kernel * kernel))
    const weights = this.tensor(`${name}.w`, [filters, depth, kernel, kernel], scale)
    const bias = this.tensor(`${name}.b`, [filters], 0.1)
    const pad = kernel >> 1
    return this.add('Conv', [x, weights, bias], name, {
      kernel_shape: [kernel, kernel],
      strides: [strides, strides],
      pads: [pad, pad, pad, pad],
      group,
    })
  }

  /** The bytes of the file. */
  finish(name, features) {
    const port = (one, dims) => ({
      name: one,
      type: {
        value: {
          case: 'tensorType',
          value: { elemType: DataType.FLOAT, shape: { dim: dims.map((size) => ({ value: sizeOf(size) })) } },
        },
      },
    })
    const model = create(ModelProtoSchema, {
      irVersion: 7n,
      opsetImport: [{ domain: '', version: 14n }],
      graph: {
        name,
        node: this.#node,
        initializer: this.#initializer,
        input: [port('input', ['N', 3, 'height', 'width'])],
        output: [port('features', ['N', features])],
      },
    })
    return toBinary(ModelProtoSchema, model)
  }
}

function sizeOf(size) {
  return typeof size === 'string'
    ? { case: 'dimParam', value: size }
    : { case: 'dimValue', value: BigInt(size) }
}
