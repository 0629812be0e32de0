import { constant, node, tensorInfo } from '../../src/onnx/graph/nodes.ts'
import { clone, create } from '../../src/onnx/proto/message.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import type { SeededRandom } from '../support/random.ts'

/** Sizes, axes, strides and repeats that often break programs. */
const integers = [
  ...[0n, 1n, -1n, 2n, 3n, -2n, 4n, -4n, 5n, -5n, 7n, 64n, 65n, 255n, 65536n, 2_000_000_000n],
  ...[2n ** 31n - 1n, -(2n ** 31n), 2n ** 32n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)],
]

/** Operators with shape inference, and some names that are properties of every object. */
const operators = (
  'Relu Identity Softmax BatchNormalization DynamicQuantizeLinear QuantizeLinear DequantizeLinear Add Sum Where Conv ' +
  'ConvTranspose ConvInteger QLinearConv MaxPool AveragePool GlobalAveragePool MatMul QLinearMatMul Gemm QGemm ' +
  'Flatten Reshape Squeeze Unsqueeze Transpose Concat QLinearConcat Split Slice Gather Expand Tile Pad DepthToSpace ' +
  'SpaceToDepth Resize Upsample Shape Size Constant ConstantOfShape ArgMax ReduceMean ReduceSum Cast Floor Div Mul ' +
  'Equal If Loop TopK Dropout constructor toString __proto__ valueOf'
).split(' ')

const attributes = (
  'axis axes keepdims perm shape starts ends steps split pads strides dilations kernel_shape auto_pad ceil_mode group ' +
  'output_shape output_padding blocksize scales start end allowzero to value_int value_ints noop_with_empty_axes ' +
  'transA transB num_outputs keep_aspect_ratio_policy'
).split(' ')

type GraphMutation = (graph: GraphProto, random: SeededRandom) => void

/** The names of all tensors of a graph, and one that does not exist. */
function names(graph: GraphProto): string[] {
  const made = graph.node.flatMap(({ output }) => output)
  return [
    '',
    'nowhere',
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...made,
  ]
}

function list(random: SeededRandom): bigint[] {
  const length = random.pick(0, 1, 1, 2, 3, 4, 5, 8, 65, 1000)
  return Array.from({ length }, () => random.pick(...integers))
}

function anyAttribute(random: SeededRandom): AttributeProto {
  const name = random.pick(...attributes)
  if (random.below(2) === 0) return create(AttributeProtoSchema, { name, i: random.pick(...integers) })
  return create(AttributeProtoSchema, { name, ints: list(random) })
}

/** Adds a tensor of unusual numbers and returns its name. */
function oddConstant(graph: GraphProto, random: SeededRandom): string {
  const name = `odd${graph.initializer.length}`
  const values = list(random)
  const tensor =
    random.below(4) === 0
      ? constant(name, Float32Array.from(values, Number))
      : constant(name, BigInt64Array.from(values))
  if (random.below(8) === 0) tensor.dims = list(random)
  graph.initializer.push(tensor)
  return name
}

const anyNode = (graph: GraphProto, random: SeededRandom): NodeProto => random.pick(...graph.node)

const mutations: GraphMutation[] = [
  function reorderNodes(graph, random) {
    const [moved] = graph.node.splice(random.below(graph.node.length), 1)
    graph.node.splice(random.below(graph.node.length + 1), 0, moved)
  },
  function removeNode(graph, random) {
    if (graph.node.length > 1) graph.node.splice(random.below(graph.node.length), 1)
  },
  function repeatNode(graph, random) {
    graph.node.splice(random.below(graph.node.length + 1), 0, clone(NodeProtoSchema, anyNode(graph, random)))
  },
  function otherOperator(graph, random) {
    anyNode(graph, random).opType = random.pick(...operators)
  },
  // Inputs are swapped for others, which eventually closes a cycle.
  function otherInput(graph, random) {
    const { input } = anyNode(graph, random)
    input[random.below(input.length + 1)] = random.pick(...names(graph))
  },
  function constantInput(graph, random) {
    const { input } = anyNode(graph, random)
    input[random.below(input.length + 1)] = oddConstant(graph, random)
  },
  function inputCount(graph, random) {
    const one = anyNode(graph, random)
    const count = random.pick(0, 1, 2, 3, 5, 9, 300)
    one.input = Array.from({ length: count }, (_, i) => one.input[i] ?? one.input[0] ?? '')
  },
  function outputCount(graph, random) {
    const one = anyNode(graph, random)
    const count = random.pick(0, 1, 2, 3, 100)
    one.output = Array.from({ length: count }, (_, i) => one.output[i] ?? `${one.output[0]}_${i}`)
  },
  function sameOutput(graph, random) {
    anyNode(graph, random).output[0] = random.pick(...names(graph))
  },
  function addAttribute(graph, random) {
    anyNode(graph, random).attribute.push(anyAttribute(random))
  },
  function alterAttribute(graph, random) {
    const { attribute } = anyNode(graph, random)
    if (attribute.length === 0) return
    const one = random.pick(...attribute)
    one.i = random.pick(...integers)
    if (one.ints.length > 0) one.ints[random.below(one.ints.length)] = random.pick(...integers)
    if (random.below(3) === 0) one.ints = list(random)
  },
  function removeAttribute(graph, random) {
    const { attribute } = anyNode(graph, random)
    attribute.splice(random.below(attribute.length + 1), 1)
  },
  function weightDims(graph, random) {
    if (graph.initializer.length === 0) return
    const tensor = random.pick(...graph.initializer)
    if (random.below(2) === 0) tensor.dims = list(random)
    else tensor.dims[random.below(tensor.dims.length + 1)] = random.pick(...integers)
  },
  function elementType(graph, random) {
    const type = random.pick<number>(0, 1, 2, 3, 6, 7, 9, 10, 11, 16, 99, -1)
    if (graph.initializer.length > 0 && random.below(2) === 0)
      random.pick(...graph.initializer).dataType = type
    else graph.valueInfo.push(tensorInfo(random.pick(...names(graph)), type, [random.pick(...integers)]))
  },
  function toldShape(graph, random) {
    graph.valueInfo.push(tensorInfo(random.pick(...names(graph)), random.pick(1, 2, 3, 7), list(random)))
  },
  function inputShape(graph, random) {
    const at = random.below(graph.input.length)
    const dims =
      random.below(2) === 0 ? list(random) : [1n, 3n, random.pick(...integers), random.pick(...integers)]
    graph.input[at] = tensorInfo(graph.input[at]?.name ?? 'x', random.pick(1, 1, 1, 2, 10), dims)
  },
  function outputName(graph, random) {
    graph.output[random.below(graph.output.length + 1)] = tensorInfo(
      random.pick(...names(graph)),
      1,
      list(random),
    )
  },
  // Adds a node of any operator that reads existing tensors, with lists of numbers as such operators have them.
  function addNode(graph, random) {
    const inputs = Array.from({ length: random.below(6) }, (_, i) =>
      i > 0 && random.below(2) === 0 ? oddConstant(graph, random) : random.pick(...names(graph)),
    )
    const made = node('', random.pick(...operators), inputs, [`made${graph.node.length}`])
    for (let count = random.below(3); count > 0; count--) made.attribute.push(anyAttribute(random))
    graph.node.push(made)
  },
  // Adds nodes, each of which doubles the size.
  function doublings(graph, random) {
    let name = random.pick(...names(graph))
    const operator = random.pick('Concat', 'Sum', 'Add', 'Mul', 'Concat', 'Gather', 'Tile', 'Expand')
    for (let i = 0; i < 40; i++) {
      const next = `double${graph.node.length}`
      const made = node('', operator, [name, name], [next])
      made.attribute.push(create(AttributeProtoSchema, { name: 'axis', i: random.pick(0n, 0n, 1n, -1n) }))
      graph.node.push(made)
      name = next
    }
  },
  function longChain(graph, random) {
    let name = random.pick(...names(graph))
    const operator = random.pick(...operators)
    const second = random.below(2) === 0 ? [random.pick(...names(graph))] : []
    for (let i = 0; i < 200; i++) {
      const next = `chain${graph.node.length}`
      graph.node.push(node('', operator, [name, ...second], [next]))
      name = next
    }
  },
  function nest(graph, random) {
    const inner = create(NodeProtoSchema, anyNode(graph, random))
    const one = anyNode(graph, random)
    const g = {
      name: 'body',
      node: [clone(NodeProtoSchema, inner)],
      output: [tensorInfo(random.pick(...names(graph)), 1, [])],
    }
    one.attribute.push(create(AttributeProtoSchema, { name: 'body', g }))
  },
]

/** The bytes of a model with one to eight changes to its graph. */
export function mutateGraph(model: ModelProto, random: SeededRandom): Uint8Array {
  const made = clone(ModelProtoSchema, model)
  for (let times = random.pick(1, 1, 2, 3, 5, 8); times > 0; times--)
    random.pick(...mutations)(made.graph!, random)
  return toBinary(ModelProtoSchema, withoutGaps(made))
}

/** Removes the gaps that writing past the end of a list leaves, because protobuf cannot write them. */
function withoutGaps(model: ModelProto): ModelProto {
  const graph = model.graph!
  graph.output = graph.output.filter(Boolean)
  graph.input = graph.input.filter(Boolean)
  for (const one of graph.node) {
    one.input = Array.from(one.input, (name) => name ?? '')
    one.output = Array.from(one.output, (name) => name ?? '')
  }
  return model
}
