// npm run bench -- number-types
//
// Measures a product of 197 x 768 and 768 x 3,072 numbers, as in a vision transformer, with weights in the types of the files that
// people have: float32, float16, int8 (with activations quantised by fixed scales, or by scales of each batch), and 4 bits.
// In onnxruntime-web and onnxruntime-node, one thread, CPU time, minimum of 8 runs; also whether a row alone has the same bits
// as in the batch, and how much the two differ in relation to the greatest result.
import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
} from 'onnx-buf'
import * as web from 'onnxruntime-web'
import { nativeRuntime } from './native-runtime.js'
import { seeded } from './random.js'

const [rows, width, columns] = [197, 768, 3072]
const { uniform } = seeded(7)
const weights = Float32Array.from({ length: width * columns }, () => 0.1 * uniform() - 0.05)
const tensor = (name, dataType, dims, data) => ({
  name,
  dataType,
  dims: dims.map(BigInt),
  rawData: new Uint8Array(data.buffer),
})
const scalar = (name, value) => tensor(name, DataType.FLOAT, [], Float32Array.of(value))
const node = (opType, input, output, attributes = {}, domain = '') => ({
  opType,
  domain,
  input,
  output,
  attribute: Object.entries(attributes).map(([name, i]) => ({ name, type: AttributeType.INT, i: BigInt(i) })),
})
const int8 = Int8Array.from(weights, (weight) => Math.round(weight / 0.0005))
const wq = tensor('wq', DataType.INT8, [width, columns], int8)
const ws = scalar('ws', 0.0005)
const zero = tensor('zero', DataType.INT8, [], Int8Array.of(0))
/** float16 numbers between 0.03 and 0.06 in size, with random signs. */
const half = Uint16Array.from(
  weights,
  (weight) => (weight < 0 ? 0x8000 : 0) | 0x2800 | Math.floor(1024 * uniform()),
)
const nibbles = Uint8Array.from({ length: (width * columns) / 2 }, () => Math.floor(256 * uniform()))
const scales = Float32Array.from({ length: (width * columns) / 32 }, () => 0.01 * uniform())

const kinds = {
  float32: [[node('MatMul', ['x', 'w'], ['y'])], [tensor('w', DataType.FLOAT, [width, columns], weights)]],
  float16: [
    [
      node('Cast', ['x'], ['x16'], { to: DataType.FLOAT16 }),
      node('MatMul', ['x16', 'w'], ['y16']),
      node('Cast', ['y16'], ['y'], { to: DataType.FLOAT }),
    ],
    [tensor('w', DataType.FLOAT16, [width, columns], half)],
  ],
  'int8, fixed scales': [
    [
      node('QuantizeLinear', ['x', 'xs', 'zero'], ['xq']),
      node('DequantizeLinear', ['xq', 'xs', 'zero'], ['xd']),
      node('DequantizeLinear', ['wq', 'ws', 'zero'], ['wd']),
      node('MatMul', ['xd', 'wd'], ['z']),
      node('QuantizeLinear', ['z', 'zs', 'zero'], ['zq']),
      node('DequantizeLinear', ['zq', 'zs', 'zero'], ['y']),
    ],
    [wq, ws, zero, scalar('xs', 0.01), scalar('zs', 0.02)],
  ],
  'int8, scales of the batch': [
    [
      node('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']),
      node('MatMulInteger', ['xq', 'wq', 'xz'], ['integers']),
      node('Cast', ['integers'], ['floats'], { to: DataType.FLOAT }),
      node('Mul', ['xs', 'ws'], ['scale']),
      node('Mul', ['floats', 'scale'], ['y']),
    ],
    [wq, ws],
  ],
  '4 bits (MatMulNBits)': [
    [
      node(
        'MatMulNBits',
        ['x', 'b', 's'],
        ['y'],
        { K: width, N: columns, bits: 4, block_size: 32 },
        'com.microsoft',
      ),
    ],
    [
      tensor('b', DataType.UINT8, [columns, width / 32, 16], nibbles),
      tensor('s', DataType.FLOAT, [scales.length], scales),
    ],
  ],
}

web.env.wasm.numThreads = 1
const native = nativeRuntime()
if (native.absent) console.log(`Absent: onnxruntime-node: ${native.absent}`)
const runtimes = { 'onnxruntime-web': web, ...(native.absent ? {} : { 'onnxruntime-node': native.runtime }) }
const x = Float32Array.from({ length: rows * width }, () => 2 * uniform() - 1)
console.log(`ms of CPU time, ${Object.keys(runtimes).join(' and ')}`)
for (const [kind, [nodes, initializers]] of Object.entries(kinds)) {
  const results = []
  const times = []
  let isAlike = true
  for (const runtime of Object.values(runtimes)) {
    const session = await runtime.InferenceSession.create(modelOf(nodes, initializers), {
      intraOpNumThreads: 1,
    })
    const run = async (data) => {
      const feeds = { x: new runtime.Tensor('float32', data, [data.length / width, width]) }
      return (await session.run(feeds)).y.data
    }
    let least = Infinity
    for (let round = 0; round < 8; round++) {
      const before = process.cpuUsage()
      results.push(await run(x))
      const { user, system } = process.cpuUsage(before)
      least = Math.min(least, (user + system) / 1000)
    }
    times.push(least.toFixed(1).padStart(8))
    const alone = await run(x.slice(0, width))
    isAlike &&= alone.every((value, i) => value === results.at(-1)[i])
  }
  const range = results[0].reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const difference = results[0].reduce(
    (most, value, i) => Math.max(most, Math.abs(value - results.at(-1)[i])),
    0,
  )
  console.log(
    `${kind.padEnd(26)}${times.join('')}   ${isAlike ? 'the same' : 'other'} bits alone; they differ by ${(difference / range).toExponential(1)}`,
  )
}

function modelOf(nodes, initializer) {
  const float = { case: 'tensorType', value: { elemType: DataType.FLOAT, shape: { dim: [] } } }
  const dims = [
    { value: { case: 'dimParam', value: 'n' } },
    { value: { case: 'dimValue', value: BigInt(width) } },
  ]
  const input = { name: 'x', type: { value: { ...float, value: { ...float.value, shape: { dim: dims } } } } }
  const output = { name: 'y', type: { value: { case: 'tensorType', value: { elemType: DataType.FLOAT } } } }
  const model = {
    irVersion: 8n,
    opsetImport: [
      { domain: '', version: 17n },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph: { name: 'product', node: nodes, input: [input], output: [output], initializer },
  }
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, model))
}
