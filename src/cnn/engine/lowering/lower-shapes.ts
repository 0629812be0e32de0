// Lowering of operators that move values or only change dimensions.

import { show } from '../../../core/errors.ts'
import { attributeOf, integerOf, integersOf, textOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import { constantOf } from './constants.ts'
import { dimsOf, isNotFloat, type Lowering, type Tensor, type View } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import type { MapValue } from './operations.ts'

type Lower = (lowering: Lowering, node: NodeProto) => void

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

const transpose: Lower = (lowering, node) => {
  const [x] = node.input
  const [name] = node.output
  const tensor = lowering.tensor(x)
  const order = integersOf(node, 'perm')?.join()
  const { view } = tensor
  if (view === 'first' && order === '0,2,3,1') lowering.name(name, { ...tensor, view: 'last' })
  else if (view === 'last' && order === '0,3,1,2') lowering.name(name, { ...tensor, view: 'first' })
  else if (view === 'flat' && order === '0,1') lowering.name(name, tensor)
  else throw new NotForEngine(`node ${show(node.name)} transposes axes other than the channels`)
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

const pad: Lower = (lowering, node) => {
  const [x, amounts, number, over] = node.input
  const { value, view } = lowering.tensor(x)
  if (textOf(node, 'mode', 'constant') !== 'constant' || over)
    throw new NotForEngine("it has a Pad with axes or a mode other than 'constant'")
  const pads = amounts ? lowering.integers(amounts) : (integersOf(node, 'pads') ?? [])
  const fill = number ? lowering.scalar(number, 0) : (attributeOf(node, 'value')?.f ?? 0)
  const spatial = { first: [2, 3], last: [1, 2], flat: [] as number[] }[view]
  const isSound = pads.length === 8 && pads.every((n, i) => n >= 0 && (n === 0 || spatial.includes(i % 4)))
  if (!isSound) throw new NotForEngine(`node ${show(node.name)} pads axes other than height and width`)
  const [top, left] = spatial.map((axis) => pads[axis])
  const [bottom, right] = spatial.map((axis) => pads[axis + 4])
  const { channels, height, width } = value.shape
  lowering.add(node, { channels, height: height + top + bottom, width: width + left + right }, view, {
    type: 'copy',
    input: value,
    from: { y: -top, x: -left, channel: 0 },
    step: { y: 1, x: 1 },
    fill,
  })
}

const slice: Lower = (lowering, node) => {
  const [x, ...lists] = node.input
  const { value, view } = lowering.tensor(x)
  const list = (i: number, name: string) => (lists[i] ? lowering.integers(lists[i]) : integersOf(node, name))
  const starts = list(0, 'starts') ?? []
  const steps = list(3, 'steps') ?? starts.map(() => 1)
  const rank = lowering.dims(x).length
  const axes = (list(2, 'axes') ?? starts.map((_, i) => i)).map((axis) => (axis < 0 ? axis + rank : axis))
  const names = {
    first: ['batch', 'channels', 'height', 'width'],
    last: ['batch', 'height', 'width', 'channels'],
  }
  if (view === 'flat') throw new NotForEngine(`node ${show(node.name)} slices flattened maps`)
  const from = { y: 0, x: 0, channel: 0 }
  const step = { y: 1, x: 1 }
  for (const [i, axis] of axes.entries()) {
    const what = names[view][axis]
    if (what === 'batch' || (what === 'channels' && steps[i] !== 1)) {
      throw new NotForEngine(`node ${show(node.name)} slices the batch or reverses the channels`)
    }
    const size = value.shape[what as 'channels']
    const start = starts[i] < 0 ? starts[i] + size : starts[i]
    const first = Math.min(steps[i] < 0 ? size - 1 : size, Math.max(0, start))
    if (what === 'channels') from.channel = first
    else from[what === 'height' ? 'y' : 'x'] = first
    if (what !== 'channels') step[what === 'height' ? 'y' : 'x'] = steps[i]
  }
  const dims = lowering.mapDims(node.output[0])
  const [channels, height, width] = view === 'first' ? dims : [dims[2], dims[0], dims[1]]
  lowering.add(node, { channels, height, width }, view, { type: 'copy', input: value, from, step, fill: 0 })
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
  Transpose: transpose,
  Concat: concat,
  Pad: pad,
  Slice: slice,
}
