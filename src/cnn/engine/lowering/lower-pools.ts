// Lowering of poolings other than the global average. Loaded with the first network that has one.

import { show } from '../../../core/errors.ts'
import { integerOf, integersOf } from '../../../onnx/graph/attributes.ts'
import { global, globalPooling, placesOf, windowsOf } from './lower-windows.ts'
import type { Lower } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'

function pooling(isMax: boolean): Lower {
  return (lowering, node) => {
    const { value, view } = lowering.tensor(node.input[0])
    if (view !== 'first') throw new NotForEngine('it has poolings that are not 2-d')
    const windows = windowsOf(node, value.shape, integersOf(node, 'kernel_shape') ?? [])
    const [height, width] = placesOf(windows, value.shape, node)
    lowering.add(node, { channels: value.shape.channels, height, width }, 'first', {
      type: 'pooling',
      input: value,
      ...windows,
      isMax,
      countsPadding: integerOf(node, 'count_include_pad', 0) === 1,
    })
  }
}

function reduction(isMax: boolean): Lower {
  return (lowering, node) => {
    const [x, over] = node.input
    const { view } = lowering.tensor(x)
    const rank = lowering.dims(x).length
    const axes = over ? lowering.integers(over) : (integersOf(node, 'axes') ?? [])
    const reduced = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b)
    const spatial = { first: '2,3', last: '1,2', flat: '' }[view]
    if (reduced.join() !== spatial || view === 'flat') {
      throw new NotForEngine(`node ${show(node.name)} reduces axes other than height and width`)
    }
    const keeps = integerOf(node, 'keepdims', 1) === 1
    global(lowering, node, isMax, keeps ? view : 'flat')
  }
}

/** Lowering functions by ONNX operator. */
export const lowerPools = {
  MaxPool: pooling(true),
  AveragePool: pooling(false),
  GlobalMaxPool: globalPooling(true),
  ReduceMean: reduction(false),
  ReduceMax: reduction(true),
} satisfies Record<string, Lower>
