// Lowering of operators that move values: the order of axes, borders, parts of a map.

import { show } from '../../../core/errors.ts'
import { attributeOf, integersOf, textOf } from '../../../onnx/graph/attributes.ts'
import type { Lower } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'

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
export const lowerMoves = { Transpose: transpose, Pad: pad, Slice: slice } satisfies Record<string, Lower>
