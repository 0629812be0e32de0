// Lowering of operators that only change dimensions or names, and of concatenation.

import { show } from '../../../core/errors.ts'
import { attributeOf, integerOf } from '../../../onnx/graph/attributes.ts'
import { constantOf } from './constants.ts'
import { dimsOf, isNotFloat, type Lower, type Tensor, type View } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import type { MapValue } from './operations.ts'

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
}
