// Lowering of operators that only change dimensions or names, of concatenation, and of what ends many networks and
// their blocks: the bounds Relu and Clip, roots, and sums of maps.

import { show } from '../../../core/errors.ts'
import { attributeOf, integerOf } from '../../../onnx/graph/attributes.ts'
import type { GraphProto, NodeProto, TensorProto } from '../../../onnx/proto/onnx.ts'
import { constantOf } from './constants.ts'
import { dimsOf, isNotFloat, type Lower, type Lowering, type Tensor, type View } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import {
  type Activation,
  ActivationKind,
  BinaryKind,
  linear,
  type MapShape,
  type MapValue,
} from './operations.ts'

/** The output is the input under another name. */
const alias: Lower = (lowering, node) => {
  const [x] = node.input
  lowering.name(node.output[0], lowering.constant(x) ?? lowering.tensor(x))
}

const cast: Lower = (lowering, node) => {
  if (isNotFloat(integerOf(node, 'to', 1))) throw new NotForEngine('it casts to a type other than float')
  // All float types are float32 in the engine.
  alias(lowering, node)
}

const constant: Lower = (lowering, node) => {
  const [name] = node.output
  const tensor = attributeOf(node, 'value')?.t
  const number = attributeOf(node, 'value_float')
  const list = attributeOf(node, 'value_floats')
  if (tensor) lowering.name(name, constantOf(tensor))
  else if (number) lowering.name(name, { dims: [], read: () => Float32Array.of(number.f) })
  else if (list)
    lowering.name(name, { dims: [list.floats.length], read: () => Float32Array.from(list.floats) })
  else throw new NotForEngine(`the constant ${show(name)} is not a float tensor`)
}

/** The view under which a map has these dimensions without moving values. */
function viewAs({ value, view }: Tensor, dims: number[]): View | undefined {
  const { height, width } = value.shape
  const isRow = height * width === 1
  const same = (other: View) => dimsOf(value.shape, other).join() === dims.join()
  // A map of one pixel fits every view.
  if (isRow) return (['flat', 'first', 'last'] as const).find(same)
  if (view === 'last') return same('last') ? 'last' : undefined
  return (['first', 'flat'] as const).find(same)
}

const reshape: Lower = (lowering, node) => {
  const [x] = node.input
  const [name] = node.output
  const given = lowering.constant(x)
  if (given) {
    lowering.name(name, { dims: lowering.dims(name), read: given.read })
    return
  }
  const tensor = lowering.tensor(x)
  const dims = lowering.mapDims(name)
  const view = viewAs(tensor, dims)
  if (!view) throw new NotForEngine(`node ${show(node.name)} (${node.opType}) reshapes across channels`)
  lowering.name(name, { value: tensor.value, view })
}

const concat: Lower = (lowering, node) => {
  const tensors = node.input.map((name) => lowering.tensor(name))
  if (tensors.length === 0) throw new NotForEngine(`node ${show(node.name)} concatenates nothing`)
  const [{ view, value: first }] = tensors
  const rank = lowering.dims(node.output[0]).length
  const axis = integerOf(node, 'axis', 1)
  const { height, width } = first.shape
  const channelAxis = { first: 1, last: 3, flat: 1 }[view]
  const isSound = tensors.every(({ view: other, value: { shape } }) => {
    return other === view && shape.height === height && shape.width === width
  })
  if (
    !isSound ||
    (axis < 0 ? axis + rank : axis) !== channelAxis ||
    (view === 'flat' && height * width > 1)
  ) {
    throw new NotForEngine(`node ${show(node.name)} concatenates along an axis other than the channels`)
  }
  const inputs: MapValue[] = tensors.map(({ value }) => value)
  const channels = inputs.reduce((all, { shape }) => all + shape.channels, 0)
  lowering.add(node, { channels, height, width }, view, { type: 'concatenation', inputs })
}

/** Lowers an operator that applies a function to each number. */
export function unary(activationOf: (lowering: Lowering, node: NodeProto) => Partial<Activation>): Lower {
  return (lowering, node) => {
    const { value, view } = lowering.tensor(node.input[0])
    const activation = { ...linear, ...activationOf(lowering, node) }
    lowering.add(node, value.shape, view, { type: 'unary', input: value, activation })
  }
}

/** A float attribute of a node. */
export const float = (node: NodeProto, name: string, fallback: number) =>
  attributeOf(node, name)?.f ?? fallback

/** The bounds of Clip are attributes before opset 11 and inputs since. */
function clip(lowering: Lowering, node: NodeProto): Partial<Activation> {
  const [, low, high] = node.input
  return {
    low: low ? lowering.scalar(low, -Infinity) : float(node, 'min', -Infinity),
    high: high ? lowering.scalar(high, Infinity) : float(node, 'max', Infinity),
  }
}

/** An activation that is no mere bound. */
export const kind = (name: keyof typeof ActivationKind, a = 0, b = 0) => ({
  kind: ActivationKind[name],
  a,
  b,
})

/** a x + b */
export const affine = (a: number, b: number): Activation => ({ ...linear, ...kind('affine', a, b) })

/** Lowers a binary operator whose operands are both maps. */
export function combineMaps(lowering: Lowering, node: NodeProto, which: number): void {
  const [left, right] = node.input.map((name) => lowering.tensor(name))
  const view = left.view
  if (left.view !== right.view)
    throw new NotForEngine(`node ${show(node.name)} combines maps of different layouts`)
  if (view === 'flat' && [left, right].some(({ value }) => value.shape.height * value.shape.width > 1)) {
    // Flattened maps of the same shape have their values at the same positions.
    if (JSON.stringify(left.value.shape) !== JSON.stringify(right.value.shape)) {
      throw new NotForEngine(`node ${show(node.name)} combines flattened maps of different sizes`)
    }
  }
  const shape = broadcast(left.value.shape, right.value.shape)
  lowering.add(node, shape, view, { type: 'binary', kind: which, left: left.value, right: right.value })
}

function broadcast(a: MapShape, b: MapShape): MapShape {
  const side = (x: number, y: number) => {
    if (x !== y && x !== 1 && y !== 1) throw new NotForEngine(`sizes of ${x} and ${y} cannot be broadcast`)
    return Math.max(x, y)
  }
  return {
    channels: side(a.channels, b.channels),
    height: side(a.height, b.height),
    width: side(a.width, b.width),
  }
}

/** The sum of two maps, or of a map and a number. */
const plainSum: Lower = (lowering, node) => {
  const [a, b] = node.input
  if (lowering.isTensor(a) && lowering.isTensor(b)) combineMaps(lowering, node, BinaryKind.add)
  else {
    const [map, number] = lowering.isTensor(a) ? [a, b] : [b, a]
    const { value, view } = lowering.tensor(map)
    const activation = affine(1, lowering.scalar(number, 0))
    lowering.add(node, value.shape, view, { type: 'unary', input: value, activation })
  }
}

const makesMaps = ['Conv', 'Relu', 'Clip', 'Sqrt', 'Concat', 'GlobalAveragePool']

/**
 * The nodes of a graph that add two maps, as in residual networks, or a map and a number, as far as the operators that
 * make the operands tell. `lowerShapes` can lower these, but no sums of other constants.
 */
export function plainSums({ node: nodes, initializer }: GraphProto): Set<NodeProto> {
  const isNumber = ({ dims }: TensorProto) => dims.length === 0 || dims.join() === '1'
  const numbers = new Set(initializer.filter(isNumber).map(({ name }) => name))
  const maps = new Set<string>()
  const sums = new Set<NodeProto>()
  for (const node of nodes) {
    const [a, b, ...more] = node.input
    const isSum =
      node.opType === 'Add' &&
      more.length === 0 &&
      [a, b].every((name) => maps.has(name) || numbers.has(name)) &&
      !(numbers.has(a) && numbers.has(b))
    if (isSum) sums.add(node)
    const isRenamed = node.opType === 'Flatten' && maps.has(a)
    if (isSum || isRenamed || makesMaps.includes(node.opType)) maps.add(node.output[0])
  }
  return sums
}

/** Lowering functions by ONNX operator. */
export const lowerShapes: Record<string, Lower> = {
  Identity: alias,
  Dropout: alias,
  Cast: cast,
  Constant: constant,
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Concat: concat,
  Relu: unary(() => ({ low: 0 })),
  Clip: unary(clip),
  Sqrt: unary(() => kind('sqrt')),
  Add: plainSum,
}
