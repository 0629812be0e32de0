import { attributeOf, integerOf, integersOf } from '../graph/attributes.ts'
import type { NodeProto } from '../proto/onnx.ts'
import { broadcast, commonRules, gemm, joined, plus, product, type ShapeRule, times } from './common-rules.ts'
import { axesOf, axisOf, MAX_DIMENSIONS } from './infer-limits.ts'
import { convolved, convolvedBack } from './infer-windows.ts'
import type { Dims, TensorInfo } from './tensor-info.ts'

/**
 * Infers the output shapes of a node from its inputs, following the ONNX operator documentation.
 *
 * Both forms of operators that changed between opsets are supported, such as axes as an attribute or as an
 * input.
 */
export function shapesOf(node: NodeProto, inputs: TensorInfo[]): (Dims | undefined)[] {
  if (/^Reduce/.test(node.opType)) return [reduced(node, inputs)]
  const apply = commonRules.get(node.opType) ?? rules.get(node.opType)
  return apply?.(node, inputs) ?? []
}

/** The rules of all other operators. */
const rules = new Map<string, ShapeRule>()
const rule = (names: string, apply: ShapeRule) => {
  for (const name of names.split(' ')) rules.set(name, apply)
}

const unary =
  'Elu Selu Celu Gelu FastGelu QuickGelu Swish Mish Tanh Softplus Softsign ThresholdedRelu Shrink Erf Exp Log ' +
  'Reciprocal Neg Abs Ceil Floor Round Sign Sin Cos Not IsNaN IsInf CastLike LogSoftmax Hardmax LRN LpNormalization'
const normalisations =
  'InstanceNormalization LayerNormalization GroupNormalization RMSNormalization ' +
  'MeanVarianceNormalization SimplifiedLayerNormalization SkipLayerNormalization BiasGelu'
const quantised = 'QuantizeLinear DequantizeLinear QLinearLeakyRelu QLinearSigmoid QLinearSoftmax'
rule(`${unary} ${normalisations} ${quantised}`, (_, [x]) => [x?.dims])

// Outputs: quantized values, scale and zero point.
rule('DynamicQuantizeLinear', (_, [x]) => [x?.dims, [], []])

rule(
  'Pow Mod Max Min Mean Sum PRelu Where Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor',
  (_, inputs) => [broadcast(inputs.map(({ dims }) => dims))],
)
rule('QLinearAdd QLinearMul', (_, inputs) => [broadcast([inputs[0]?.dims, inputs[3]?.dims])])

rule('FusedConv ConvInteger', (node, [x, w]) => [convolved(node, x?.dims, w?.dims)])
rule('QLinearConv', (node, inputs) => [convolved(node, inputs[0]?.dims, inputs[3]?.dims)])
rule('ConvTranspose', (node, [x, w]) => [convolvedBack(node, x?.dims, w?.dims)])
rule('LpPool QLinearAveragePool', commonRules.get('AveragePool')!)
rule('GlobalLpPool QLinearGlobalAveragePool', commonRules.get('GlobalAveragePool')!)

rule('MatMul MatMulInteger', (_, [a, b]) => [multiplied(a?.dims, b?.dims)])
rule('QLinearMatMul', (_, inputs) => [multiplied(inputs[0]?.dims, inputs[3]?.dims)])
rule('QGemm', (node, inputs) => [gemm(node, inputs[0]?.dims, inputs[3]?.dims)])

rule('Reshape', (node, inputs) => {
  const [x] = inputs
  const wanted = listOf(node, inputs, 1, 'shape')
  if (!isKnown(wanted) || wanted.filter((size) => size === -1).length > 1) return []
  const keepsZero = integerOf(node, 'allowzero', 0) === 1
  const dims = wanted.map((size, i) => (size === 0 && !keepsZero ? x?.dims?.[i] : size))
  const rest = product(dims.map((size) => (size === -1 ? 1 : size)))
  const all = x?.dims && product(x.dims)
  return [dims.map((size) => (size === -1 ? (all !== undefined && rest ? all / rest : undefined) : size))]
})
rule('Squeeze', (node, inputs) => {
  const dims = inputs[0]?.dims
  const given = listOf(node, inputs, 1, 'axes')
  if (!dims || given === 'unknown') return []
  if (given === 'none') return dims.includes(undefined) ? [] : [dims.filter((size) => size !== 1)]
  const gone = axesOf(given, dims.length)
  return [gone && dims.filter((_, i) => !gone.includes(i))]
})
rule('Unsqueeze', (node, inputs) => {
  const dims = inputs[0]?.dims
  const given = listOf(node, inputs, 1, 'axes')
  if (!dims || !isKnown(given)) return []
  const rank = dims.length + given.length
  const added = axesOf(given, rank)
  if (!added) return []
  const rest = [...dims]
  return [Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : rest.shift()))]
})
rule('Transpose', (node, [x]) => {
  if (!x?.dims) return []
  const { dims } = x
  const order = integersOf(node, 'perm')
  if (!order) return [[...dims].reverse()]
  const axes = order.length === dims.length ? axesOf(order, dims.length) : undefined
  return [axes?.map((axis) => dims[axis])]
})
// Inputs: scale and zero point of the output, then data, scale and zero point of each operand.
rule('QLinearConcat', (node, inputs) => [
  joined(
    node,
    inputs.filter((_, i) => i % 3 === 2),
  ),
])
rule('Split', (node, inputs) => {
  const dims = inputs[0]?.dims
  const axis = dims && axisOf(integerOf(node, 'axis', 0), dims.length)
  if (axis === undefined) return []
  const given = listOf(node, inputs, 1, 'split')
  const count = node.output.length
  const whole = dims![axis]
  const even = given !== 'none' || whole === undefined ? undefined : Math.ceil(whole / count)
  return node.output.map((_, i) => {
    const size = isKnown(given)
      ? given[i]
      : even === undefined
        ? undefined
        : Math.min(even, whole! - i * even)
    return dims!.with(axis, size)
  })
})
rule('Slice', (node, inputs) => {
  const { dims } = inputs[0] ?? {}
  const from = listOf(node, inputs, 1, 'starts')
  const to = listOf(node, inputs, 2, 'ends')
  const given = listOf(node, inputs, 3, 'axes')
  const steps = listOf(node, inputs, 4)
  if (!dims || !isKnown(from) || !isKnown(to) || given === 'unknown') return []
  const along = axesOf(given === 'none' ? from.map((_, i) => i) : given, dims.length)
  if (!along) return []
  const sliced = [...dims]
  for (const [i, axis] of along.entries()) {
    const step = steps === 'none' ? 1 : steps === 'unknown' ? undefined : steps[i]
    sliced[axis] = slicedLength(dims[axis], from[i], to[i], step)
  }
  return [sliced]
})
rule('Gather', (node, [x, indices]) => {
  const axis = x?.dims && axisOf(integerOf(node, 'axis', 0), x.dims.length)
  if (axis === undefined || !indices?.dims) return []
  return [[...x!.dims!.slice(0, axis), ...indices.dims, ...x!.dims!.slice(axis + 1)]]
})
rule('Expand', (_, [x, shape]) => [broadcast([x?.dims, shape?.values])])
rule('Tile', (_, [x, repeats]) => [x?.dims?.map((size, i) => times(size, repeats?.values?.[i]))])
rule('Pad', (node, inputs) => {
  const dims = inputs[0]?.dims
  const given = listOf(node, inputs, 1, 'pads')
  // Since opset 18, Pad can name the padded axes.
  if (!dims || !isKnown(given) || given.length !== dims.length * 2 || isGiven(node, 3)) return []
  return [dims.map((size, i) => plus(plus(size, given[i]), given[i + dims.length]))]
})
rule('DepthToSpace', (node, [x]) => [rearranged(x?.dims, 1 / integerOf(node, 'blocksize', 1))])
rule('SpaceToDepth', (node, [x]) => [rearranged(x?.dims, integerOf(node, 'blocksize', 1))])
rule('Resize', (node, inputs) => {
  // The inputs are (x, scales) in opset 10 and (x, roi, scales, sizes) since.
  const [x, second, scales, sizes] = inputs
  // Since opset 18, Resize can name the resized axes and treat sizes as bounds that keep the aspect ratio.
  if (attributeOf(node, 'axes') || attributeOf(node, 'keep_aspect_ratio_policy')) return []
  if (isGiven(node, 3)) return [sizes?.values?.length === x?.dims?.length ? sizes?.values : undefined]
  return [scaled(x?.dims, (inputs.length === 2 ? second : scales)?.values)]
})
rule('Upsample', (node, [x, scales]) => [
  scaled(x?.dims, scales?.values ?? attributeOf(node, 'scales')?.floats),
])
rule('Shape', (node, [x]) => {
  const part = x?.dims && partOfShape(node, x.dims)
  return [part && [part.length]]
})
rule('Size', () => [[]])
rule('Constant', (node) => {
  const list = attributeOf(node, 'value_ints')?.ints
  return list ? [[list.length]] : attributeOf(node, 'value_int') ? [[]] : []
})
rule('ConstantOfShape', (_, [shape]) => [shape?.values])
rule('ArgMax ArgMin', (node, [x]) => {
  const axis = x?.dims && axisOf(integerOf(node, 'axis', 0), x.dims.length)
  if (axis === undefined) return []
  return [integerOf(node, 'keepdims', 1) ? x!.dims!.with(axis, 1) : x!.dims!.toSpliced(axis, 1)]
})

/** The part of a shape that `Shape` returns: since opset 15 it has `start` and `end` attributes. */
export function partOfShape(node: NodeProto, dims: Dims): Dims {
  return dims.slice(integerOf(node, 'start', 0), integerOf(node, 'end', dims.length))
}

function reduced(node: NodeProto, inputs: TensorInfo[]): Dims | undefined {
  const dims = inputs[0]?.dims
  const given = listOf(node, inputs, 1, 'axes')
  if (!dims || given === 'unknown') return undefined
  const isAll = given === 'none' || given.length === 0
  if (isAll && integerOf(node, 'noop_with_empty_axes', 0) === 1) return dims
  const over = isAll ? dims.map((_, i) => i) : axesOf(given, dims.length)
  if (!over) return undefined
  const keep = integerOf(node, 'keepdims', 1) === 1
  return keep
    ? dims.map((size, i) => (over.includes(i) ? 1 : size))
    : dims.filter((_, i) => !over.includes(i))
}

function multiplied(a: Dims | undefined, b: Dims | undefined): Dims | undefined {
  if (!a || !b || a.length === 0 || b.length === 0) return undefined
  const rows = a.length > 1 ? a.slice(-2, -1) : []
  const columns = b.length > 1 ? b.slice(-1) : []
  return [...broadcast([a.slice(0, -2), b.slice(0, -2)])!, ...rows, ...columns]
}

/** Moves `block` x `block` pixels of each map into the channels; for `block` below 1, out of the channels. */
function rearranged(dims: Dims | undefined, block: number): Dims | undefined {
  if (!(block > 0) || block === Number.POSITIVE_INFINITY) return undefined
  return dims?.map((size, i) => (i === 0 ? size : times(size, i === 1 ? block * block : 1 / block)))
}

function scaled(dims: Dims | undefined, scales: Dims | undefined): Dims | undefined {
  if (!scales || scales.length === 0) return undefined
  return dims?.map((size, i) => {
    const exact = times(size, scales[i])
    return exact === undefined ? undefined : Math.floor(exact)
  })
}

function slicedLength(
  length: number | undefined,
  from: number | undefined,
  to: number | undefined,
  step: number | undefined,
): number | undefined {
  if (length === undefined || from === undefined || to === undefined || !step) return undefined
  const clamp = (at: number, low: number, high: number) =>
    Math.min(high, Math.max(low, at < 0 ? at + length : at))
  return step > 0
    ? Math.max(0, Math.ceil((clamp(to, 0, length) - clamp(from, 0, length)) / step))
    : Math.max(0, Math.ceil((clamp(to, -1, length - 1) - clamp(from, 0, length - 1)) / step))
}

/** Whether a node has an input at this position; an omitted optional input has an empty name. */
function isGiven(node: NodeProto, at: number): boolean {
  return (node.input[at] ?? '') !== ''
}

/**
 * A list of integers that is an attribute in older opsets and an input in newer ones. `'none'` if the node
 * has neither, so that the operator's default applies; `'unknown'` if it is an input whose values are
 * unknown.
 */
function listOf(
  node: NodeProto,
  inputs: TensorInfo[],
  at: number,
  attribute?: string,
): Dims | 'none' | 'unknown' {
  if (isGiven(node, at)) return inputs[at]?.values ?? 'unknown'
  const list = attribute === undefined ? undefined : attributeOf(node, attribute)?.ints
  if (list === undefined) return 'none'
  // No such list has more entries than two per dimension.
  return list.length > 2 * MAX_DIMENSIONS ? 'unknown' : list.map(Number)
}

function isKnown(list: Dims | 'none' | 'unknown'): list is Dims {
  return typeof list === 'object'
}
