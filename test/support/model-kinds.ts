import { constant, node, tensorInfo } from '../../src/onnx/graph/nodes.ts'
import { create } from '../../src/onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import { layeredCnn } from './layered-cnn.ts'

/** Rounds a number to the nearest float16 bit pattern (normal numbers and zero). */
function half(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0]
  const sign = (bits >>> 16) & 0x8000
  const rounded = (bits & 0x7fffffff) + 0x1000
  const exponent = (rounded >>> 23) - 112
  return exponent <= 0 ? sign : sign | (exponent << 10) | ((rounded >>> 13) & 0x3ff)
}

/** Converts float32 weights to float16. */
function asHalf(tensor: TensorProto): TensorProto {
  const { rawData, name, dims } = tensor
  const floats = new Float32Array(rawData.slice().buffer)
  const halves = Uint16Array.from(floats, half)
  return create(TensorProtoSchema, {
    name,
    dims,
    dataType: DataType.FLOAT16,
    rawData: new Uint8Array(halves.buffer),
  })
}

/** The layered CNN with float16 images, weights and activations throughout. */
export function halfCnn(): ModelProto {
  const model = layeredCnn()
  const graph = model.graph!
  graph.initializer = graph.initializer.map(asHalf)
  graph.input = [tensorInfo('pixels', DataType.FLOAT16, ['batch', 3, 'height', 'width'])]
  graph.output = [tensorInfo('probabilities', DataType.FLOAT16, ['batch', 5])]
  return model
}

/** The layered CNN with float16 weights that are cast to float32. */
export function halfWeightsCnn(): ModelProto {
  const model = layeredCnn()
  const graph = model.graph!
  const casts = graph.initializer.map(({ name }) =>
    node(`${name}/Cast`, 'Cast', [`${name}_half`], [name], { to: BigInt(DataType.FLOAT) }),
  )
  graph.initializer = graph.initializer.map((tensor) => ({ ...asHalf(tensor), name: `${tensor.name}_half` }))
  graph.node = [...casts, ...graph.node]
  return model
}

function bytesTensor(name: string, dataType: DataType, values: number[], dims: number[]): TensorProto {
  const typed = dataType === DataType.INT8 ? Int8Array.from(values) : Uint8Array.from(values)
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims: dims.map(BigInt),
    rawData: new Uint8Array(typed.buffer),
  })
}

/** Quantises weights to int8 with one scale, and rounds the float weights accordingly. */
function quantised({ name, dims, rawData }: TensorProto): TensorProto[] {
  const floats = new Float32Array(rawData.slice().buffer)
  const scale = Math.max(...floats.map(Math.abs)) / 127
  const values = Array.from(floats, (w) => Math.round(w / scale))
  return [
    bytesTensor(`${name}_q`, DataType.INT8, values, dims.map(Number)),
    constant(`${name}_scale`, Float32Array.of(scale), []),
    bytesTensor(`${name}_zero`, DataType.INT8, [0], []),
  ]
}

const activationScale = 1 / 32

function activationConstants(): TensorProto[] {
  return [
    constant('scale', Float32Array.of(activationScale), []),
    bytesTensor('zero', DataType.UINT8, [128], []),
  ]
}

/**
 * The layered CNN quantised by tools with QuantizeLinear and DequantizeLinear: int8 weights, and uint8 activations
 * after each convolution, after the last pooling and before the head.
 */
export function qdqCnn(): ModelProto {
  const model = layeredCnn()
  const graph = model.graph!
  const isQuantised = ({ name }: TensorProto) => /^(conv1|layer2|fc)\.weight$/.test(name)
  const weights = graph.initializer.filter(isQuantised)
  const nodes: NodeProto[] = weights.map(({ name }) =>
    node(
      `${name}/DequantizeLinear`,
      'DequantizeLinear',
      [`${name}_q`, `${name}_scale`, `${name}_zero`],
      [name],
    ),
  )
  const behind = ['conv1', '/layer2/0_output', 'features']
  for (const one of graph.node) {
    const [name] = one.output
    if (!behind.includes(name)) {
      nodes.push(one)
      continue
    }
    nodes.push({ ...one, output: [`${name}_float`] })
    nodes.push(node(`${name}/Q`, 'QuantizeLinear', [`${name}_float`, 'scale', 'zero'], [`${name}_quantised`]))
    nodes.push(node(`${name}/DQ`, 'DequantizeLinear', [`${name}_quantised`, 'scale', 'zero'], [name]))
  }
  graph.node = nodes
  graph.initializer = [
    ...graph.initializer.filter((tensor) => !isQuantised(tensor)),
    ...weights.flatMap(quantised),
    ...activationConstants(),
  ]
  return model
}

/** The first layers of the layered CNN in integer arithmetic: QLinearConv and the operators after it. */
export function qlinearCnn(): ModelProto {
  const float = layeredCnn().graph!
  const weight = float.initializer.find(({ name }) => name === 'conv1.weight')!
  const scale = Math.max(...new Float32Array(weight.rawData.slice().buffer).map(Math.abs)) / 127
  const bias = new Float32Array(
    float.initializer.find(({ name }) => name === 'conv1.bias')!.rawData.slice().buffer,
  )
  const steps = Int32Array.from(bias, (b) => Math.round(b / (scale * activationScale)))
  const conv = { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] }
  const pool = { kernel_shape: [2n, 2n], strides: [2n, 2n] }
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 13n }],
    graph: {
      name: 'qlinear',
      node: [
        node('quantise', 'QuantizeLinear', ['pixels', 'scale', 'zero'], ['pixels_q']),
        node(
          'conv1',
          'QLinearConv',
          ['pixels_q', 'scale', 'zero', 'w_q', 'w_scale', 'w_zero', 'scale', 'zero', 'bias'],
          ['conv1'],
          conv,
        ),
        node('pool', 'MaxPool', ['conv1'], ['pool'], pool),
        node('back', 'DequantizeLinear', ['pool', 'scale', 'zero'], ['out']),
      ],
      initializer: [
        ...quantised({ ...weight, name: 'w' }),
        ...activationConstants(),
        create(TensorProtoSchema, {
          name: 'bias',
          dataType: DataType.INT32,
          dims: [BigInt(steps.length)],
          rawData: new Uint8Array(steps.buffer),
        }),
      ],
      input: [tensorInfo('pixels', DataType.FLOAT, ['batch', 3, 'height', 'width'])],
      output: [tensorInfo('out', DataType.FLOAT, ['batch', 4, 'h', 'w'])],
    },
  })
}

/** The layered CNN with a dynamically quantised head: DynamicQuantizeLinear, MatMulInteger, Cast, Mul, Add. */
export function dynamicCnn(): ModelProto {
  const model = layeredCnn({ head: 'MatMul' })
  const graph = model.graph!
  const weight = graph.initializer.find(({ name }) => name === 'fc.weight')!
  graph.initializer = [
    ...graph.initializer.filter((one) => one !== weight),
    ...quantised({ ...weight, name: 'w' }),
  ]
  const at = graph.node.findIndex(({ opType }) => opType === 'MatMul')
  graph.node.splice(
    at,
    1,
    node('q', 'DynamicQuantizeLinear', ['features'], ['f_q', 'f_scale', 'f_zero']),
    node('/fc/MatMulInteger', 'MatMulInteger', ['f_q', 'w_q', 'f_zero', 'w_zero'], ['sums']),
    node('cast', 'Cast', ['sums'], ['float_sums'], { to: 1n }),
    node('scales', 'Mul', ['f_scale', 'w_scale'], ['both']),
    node('scaled', 'Mul', ['float_sums', 'both'], ['product']),
  )
  return model
}

/** The layered CNN with all weights but one in the external file `weights.bin`. */
export function splitCnn(): { model: Uint8Array<ArrayBuffer>; data: Uint8Array } {
  const model = layeredCnn()
  const moved: TensorProto[] = model.graph!.initializer.slice(0, -1)
  let length = 16
  const parts = moved.map((tensor) => {
    const offset = length
    length += tensor.rawData.length
    return { tensor, offset }
  })
  const data = new Uint8Array(length)
  for (const { tensor, offset } of parts) {
    data.set(tensor.rawData, offset)
    const entry = (key: string, value: string) => ({
      $typeName: 'onnx.StringStringEntryProto' as const,
      key,
      value,
    })
    tensor.externalData = [
      entry('location', 'weights.bin'),
      entry('offset', String(offset)),
      entry('length', String(tensor.rawData.length)),
    ]
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL
    tensor.rawData = new Uint8Array(0)
  }
  return { model: toBinary(ModelProtoSchema, model), data }
}
