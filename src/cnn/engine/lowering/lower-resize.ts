// Lowering of Resize, to which networks come that join maps of several sizes. Loaded with the first network that has one.

import { show } from '../../../core/errors.ts'
import { attributeOf, integerOf, textOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import { dimsOf, type Lower } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import type { Blend } from './operations.ts'

/**
 * Where an output pixel lies among the input's, as ONNX's Resize defines it. Each step is rounded to float32, as runtimes do
 * it: the nearest pixel depends on it.
 */
const places: Record<string, (i: number, scale: number, from: number, to: number) => number> = {
  half_pixel: (i, scale) => centred(i, scale),
  pytorch_half_pixel: (i, scale, _, to) => (to > 1 ? centred(i, scale) : 0),
  align_corners: (i, _, from, to) => (to > 1 ? Math.fround((i * (from - 1)) / (to - 1)) : 0),
  asymmetric: (i, scale) => Math.fround(i / scale),
}

function centred(i: number, scale: number): number {
  return Math.fround(Math.fround((i + 0.5) / scale) - 0.5)
}

const nearest: Record<string, (place: number) => number> = {
  round_prefer_floor: (place) => Math.ceil(place - 0.5),
  round_prefer_ceil: (place) => Math.floor(place + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
}

const resize: Lower = (lowering, node) => {
  const [x, , scales, sizes] = node.input
  const { value, view } = lowering.tensor(x)
  const { channels, height, width } = value.shape
  if (view === 'flat' || lowering.opset < 11)
    throw unsupported(node, 'is not of maps, or older than opset 11')
  if (attributeOf(node, 'axes') || integerOf(node, 'antialias', 0) !== 0) {
    throw unsupported(node, 'has axes or antialias')
  }
  const dims = lowering.mapDims(node.output[0])
  const factors = sizes ? undefined : [...lowering.weights(scales).read()].slice(1)
  if (factors && factors.length !== dims.length) throw unsupported(node, 'has scales for other axes')
  // The axes of height and width in a view, without the batch.
  const [down, right] = view === 'last' ? [0, 1] : [1, 2]
  const shape = { channels, height: dims[down], width: dims[right] }
  if (dimsOf(shape, view).join() !== dims.join()) throw unsupported(node, 'changes the number of channels')
  const rows = blendOf(node, height, shape.height, factors?.[down])
  const columns = blendOf(node, width, shape.width, factors?.[right])
  lowering.add(node, shape, view, { type: 'resize', input: value, rows, columns })
}

/** How the `to` rows of the output follow from the `from` rows of the input; the same for columns. */
function blendOf(node: NodeProto, from: number, to: number, scale = Math.fround(to / from)): Blend {
  const placing = textOf(node, 'coordinate_transformation_mode', 'half_pixel')
  const mode = textOf(node, 'mode', 'nearest')
  const rounding = textOf(node, 'nearest_mode', 'round_prefer_floor')
  const placeOf = Object.hasOwn(places, placing) ? places[placing] : undefined
  const round = Object.hasOwn(nearest, rounding) ? nearest[rounding] : undefined
  if (!placeOf || !round || (mode !== 'nearest' && mode !== 'linear')) {
    throw unsupported(node, `has the mode ${show(mode)}, ${show(placing)} or ${show(rounding)}`)
  }
  const within = (place: number) => Math.min(from - 1, Math.max(0, place))
  const at = (i: number) => {
    const place = placeOf(i, scale, from, to)
    if (mode === 'nearest') return { first: within(round(place)), second: within(round(place)), share: 0 }
    const first = Math.floor(within(place))
    return { first, second: within(first + 1), share: within(place) - first }
  }
  return { length: to, at }
}

function unsupported(node: NodeProto, why: string): NotForEngine {
  return new NotForEngine(`node ${show(node.name)} (${node.opType}) ${why}`)
}

/** Lowering functions by ONNX operator. */
export const lowerResize = { Resize: resize } satisfies Record<string, Lower>
