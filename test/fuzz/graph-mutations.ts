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
import type { Dice } from './mutate.ts'

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

type GraphMutation = (graph: GraphProto, dice: Dice) => void

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

function list(dice: Dice): bigint[] {
  const length = dice.of([0, 1, 1, 2, 3, 4, 5, 8, 65, 1000])
  return Array.from({ length }, () => dice.of(integers))
}

function anyAttribute(dice: Dice): AttributeProto {
  const name = dice.of(attributes)
  if (dice.roll(2) === 0) return create(AttributeProtoSchema, { name, i: dice.of(integers) })
  return create(AttributeProtoSchema, { name, ints: list(dice) })
}

/** Adds a tensor of unusual numbers and returns its name. */
function oddConstant(graph: GraphProto, dice: Dice): string {
  const name = `odd${graph.initializer.length}`
  const values = list(dice)
  const tensor =
    dice.roll(4) === 0
      ? constant(name, Float32Array.from(values, Number))
      : constant(name, BigInt64Array.from(values))
  if (dice.roll(8) === 0) tensor.dims = list(dice)
  graph.initializer.push(tensor)
  return name
}

const anyNode = (graph: GraphProto, dice: Dice): NodeProto => dice.of(graph.node)

const mutations: GraphMutation[] = [
  function reorderNodes(graph, dice) {
    const [moved] = graph.node.splice(dice.roll(graph.node.length), 1)
    graph.node.splice(dice.roll(graph.node.length + 1), 0, moved)
  },
  function removeNode(graph, dice) {
    if (graph.node.length > 1) graph.node.splice(dice.roll(graph.node.length), 1)
  },
  function repeatNode(graph, dice) {
    graph.node.splice(dice.roll(graph.node.length + 1), 0, clone(NodeProtoSchema, anyNode(graph, dice)))
  },
  function otherOperator(graph, dice) {
    anyNode(graph, dice).opType = dice.of(operators)
  },
  // Inputs are swapped for others, which eventually closes a cycle.
  function otherInput(graph, dice) {
    const { input } = anyNode(graph, dice)
    input[dice.roll(input.length + 1)] = dice.of(names(graph))
  },
  function constantInput(graph, dice) {
    const { input } = anyNode(graph, dice)
    input[dice.roll(input.length + 1)] = oddConstant(graph, dice)
  },
  function inputCount(graph, dice) {
    const one = anyNode(graph, dice)
    const count = dice.of([0, 1, 2, 3, 5, 9, 300])
    one.input = Array.from({ length: count }, (_, i) => one.input[i] ?? one.input[0] ?? '')
  },
  function outputCount(graph, dice) {
    const one = anyNode(graph, dice)
    const count = dice.of([0, 1, 2, 3, 100])
    one.output = Array.from({ length: count }, (_, i) => one.output[i] ?? `${one.output[0]}_${i}`)
  },
  function sameOutput(graph, dice) {
    anyNode(graph, dice).output[0] = dice.of(names(graph))
  },
  function addAttribute(graph, dice) {
    anyNode(graph, dice).attribute.push(anyAttribute(dice))
  },
  function alterAttribute(graph, dice) {
    const { attribute } = anyNode(graph, dice)
    if (attribute.length === 0) return
    const one = dice.of(attribute)
    one.i = dice.of(integers)
    if (one.ints.length > 0) one.ints[dice.roll(one.ints.length)] = dice.of(integers)
    if (dice.roll(3) === 0) one.ints = list(dice)
  },
  function removeAttribute(graph, dice) {
    const { attribute } = anyNode(graph, dice)
    attribute.splice(dice.roll(attribute.length + 1), 1)
  },
  function weightDims(graph, dice) {
    if (graph.initializer.length === 0) return
    const tensor = dice.of(graph.initializer)
    if (dice.roll(2) === 0) tensor.dims = list(dice)
    else tensor.dims[dice.roll(tensor.dims.length + 1)] = dice.of(integers)
  },
  function elementType(graph, dice) {
    const type = dice.of([0, 1, 2, 3, 6, 7, 9, 10, 11, 16, 99, -1])
    if (graph.initializer.length > 0 && dice.roll(2) === 0) dice.of(graph.initializer).dataType = type
    else graph.valueInfo.push(tensorInfo(dice.of(names(graph)), type, [dice.of(integers)]))
  },
  function toldShape(graph, dice) {
    graph.valueInfo.push(tensorInfo(dice.of(names(graph)), dice.of([1, 2, 3, 7]), list(dice)))
  },
  function inputShape(graph, dice) {
    const at = dice.roll(graph.input.length)
    const dims = dice.roll(2) === 0 ? list(dice) : [1n, 3n, dice.of(integers), dice.of(integers)]
    graph.input[at] = tensorInfo(graph.input[at]?.name ?? 'x', dice.of([1, 1, 1, 2, 10]), dims)
  },
  function outputName(graph, dice) {
    graph.output[dice.roll(graph.output.length + 1)] = tensorInfo(dice.of(names(graph)), 1, list(dice))
  },
  // Adds a node of any operator that reads existing tensors, with lists of numbers as such operators have them.
  function addNode(graph, dice) {
    const inputs = Array.from({ length: dice.roll(6) }, (_, i) =>
      i > 0 && dice.roll(2) === 0 ? oddConstant(graph, dice) : dice.of(names(graph)),
    )
    const made = node('', dice.of(operators), inputs, [`made${graph.node.length}`])
    for (let count = dice.roll(3); count > 0; count--) made.attribute.push(anyAttribute(dice))
    graph.node.push(made)
  },
  // Adds nodes, each of which doubles the size.
  function doublings(graph, dice) {
    let name = dice.of(names(graph))
    const operator = dice.of(['Concat', 'Sum', 'Add', 'Mul', 'Concat', 'Gather', 'Tile', 'Expand'])
    for (let i = 0; i < 40; i++) {
      const next = `double${graph.node.length}`
      const made = node('', operator, [name, name], [next])
      made.attribute.push(create(AttributeProtoSchema, { name: 'axis', i: dice.of([0n, 0n, 1n, -1n]) }))
      graph.node.push(made)
      name = next
    }
  },
  function longChain(graph, dice) {
    let name = dice.of(names(graph))
    const operator = dice.of(operators)
    const second = dice.roll(2) === 0 ? [dice.of(names(graph))] : []
    for (let i = 0; i < 200; i++) {
      const next = `chain${graph.node.length}`
      graph.node.push(node('', operator, [name, ...second], [next]))
      name = next
    }
  },
  function nest(graph, dice) {
    const inner = create(NodeProtoSchema, anyNode(graph, dice))
    const one = anyNode(graph, dice)
    const g = {
      name: 'body',
      node: [clone(NodeProtoSchema, inner)],
      output: [tensorInfo(dice.of(names(graph)), 1, [])],
    }
    one.attribute.push(create(AttributeProtoSchema, { name: 'body', g }))
  },
]

/** The bytes of a model with one to eight changes to its graph. */
export function mutateGraph(model: ModelProto, dice: Dice): Uint8Array {
  const made = clone(ModelProtoSchema, model)
  for (let times = dice.of([1, 1, 2, 3, 5, 8]); times > 0; times--) dice.of(mutations)(made.graph!, dice)
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
