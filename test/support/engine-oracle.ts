import { EngineNetwork } from '../../src/cnn/engine/network.ts'
import { constant, node, tensorInfo } from '../../src/onnx/graph/nodes.ts'
import { create } from '../../src/onnx/proto/message.ts'
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  ValueInfoProtoSchema,
} from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import { nativeOrt } from './native-ort.ts'
import type { SeededRandom } from './random.ts'

/** Creates a constant of random numbers from -1 to 1, times `scale`. */
export function randomWeights(random: SeededRandom, name: string, dims: number[], scale = 1): TensorProto {
  const length = dims.reduce((all, n) => all * n, 1)
  return constant(name, random.floats(length, scale), dims)
}

/** Creates a node whose attributes may also be floats. */
export function floatNode(
  op: string,
  inputs: string[],
  output: string,
  floats: Record<string, number> = {},
  others: Parameters<typeof node>[4] = {},
): NodeProto {
  const made = node(output, op, inputs, [output], others)
  for (const [name, f] of Object.entries(floats)) {
    made.attribute.push(create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f }))
  }
  return made
}

/** Creates a network with the image input `x`: [N, channels, H, W]. */
export function graphOf(
  channels: number,
  nodes: NodeProto[],
  initializer: TensorProto[],
  outputs: string[],
  opset = 17,
): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph: {
      name: 'test',
      node: nodes,
      initializer,
      input: [tensorInfo('x', DataType.FLOAT, ['N', channels, 'H', 'W'])],
      output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
    },
  })
}

/**
 * Runs a model in both runtimes; returns their outputs and the largest difference relative to the range of the output.
 */
export async function compare(model: ModelProto, dims: number[], x: Float32Array, input = 'x') {
  const ort = nativeOrt()!
  const network = await EngineNetwork.create({ model, input }, dims)
  const ours = await network.run(x, dims)
  const session = await ort.InferenceSession.create(toBinary(ModelProtoSchema, model), {
    logSeverityLevel: 3,
  })
  const theirs = await session.run({ [input]: new ort.Tensor('float32', x, dims) })
  const outputs = model.graph!.output.map(({ name }) => {
    const mine = ours.get(name)!
    const wanted = theirs[name]
    return {
      name,
      dims: mine.dims,
      wantedDims: wanted.dims,
      error: distance(mine.data, wanted.data as Float32Array),
    }
  })
  await session.release()
  return { network, ours, outputs }
}

/** The largest difference relative to the range; NaN if the lengths differ or NaN occurs in different places. */
export function distance(mine: Float32Array, wanted: Float32Array): number {
  if (mine.length !== wanted.length) return Number.NaN
  let [range, most] = [1e-30, 0]
  for (const [i, value] of wanted.entries()) {
    if (Object.is(value, mine[i])) continue
    range = Math.max(range, Math.abs(value))
    const apart = Math.abs(value - mine[i])
    if (Number.isNaN(apart)) return apart
    most = Math.max(most, apart)
  }
  for (const value of wanted) if (Number.isFinite(value)) range = Math.max(range, Math.abs(value))
  return most / range
}
