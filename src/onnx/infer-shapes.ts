import type { NodeProto } from 'onnx-buf'
import { attributeOf, integerOf, integersOf } from './attributes.ts'
import type { Dims, TensorFacts } from './infer.ts'
import { convolved, convolvedBack, pooled } from './infer-windows.ts'

type Rule = (node: NodeProto, inputs: TensorFacts[]) => (Dims | undefined)[]

/**
 * The shapes of a node's outputs (the ONNX operator documentation), as far as its inputs tell them.
 *
 * Where an operator changed from version to version (axes as an attribute, then as an input), both are read.
 */
export function shapesOf(node: NodeProto, inputs: TensorFacts[]): (Dims | undefined)[] {
  if (/^Reduce/.test(node.opType)) return [reduced(node, inputs)]
  return rules.get(node.opType)?.(node, inputs) ?? []
}

const rules = new Map<string, Rule>()
const rule = (names: string, apply: Rule) => {
  for (const name of names.split(' ')) rules.set(name, apply)
}

const unary =
  'Relu LeakyRelu Elu Selu Celu Gelu FastGelu QuickGelu Sigmoid HardSigmoid HardSwish Swish Mish Tanh Softplus ' +
  'Softsign ThresholdedRelu Shrink Erf Exp Log Sqrt Reciprocal Neg Abs Ceil Floor Round Sign Sin Cos Clip Not ' +
  'IsNaN IsInf Identity Dropout Cast CastLike Softmax LogSoftmax Hardmax LRN LpNormalization'
const normalisations =
  'BatchNormalization InstanceNormalization LayerNormalization GroupNormalization RMSNormalization ' +
  'MeanVarianceNormalization SimplifiedLayerNormalization SkipLayerNormalization BiasGelu'
const quantised = 'QuantizeLinear DequantizeLinear QLinearLeakyRelu QLinearSigmoid QLinearSoftmax'
rule(`${unary} ${normalisations} ${quantised}`, (_, [x]) => [x?.dims])

// The quantised numbers, their scale and their zero point.
rule('DynamicQuantizeLinear', (_, [x]) => [x?.dims, [], []])

rule(
  'Add Sub Mul Div Pow Mod Max Min Mean Sum PRelu Where Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor',
  (_, inputs) => [broadcast(inputs.map(({ dims }) => dims))],
)
rule('QLinearAdd QLinearMul', (_, inputs) => [broadcast([inputs[0]?.dims, inputs[3]?.dims])])

rule('Conv FusedConv ConvInteger', (node, [x, w]) => [convolved(node, x?.dims, w?.dims)])
rule('QLinearConv', (node, inputs) => [convolved(node, inputs[0]?.dims, inputs[3]?.dims)])
rule('ConvTranspose', (node, [x, w]) => [convolvedBack(node, x?.dims, w?.dims)])
rule('MaxPool AveragePool LpPool QLinearAveragePool', (node, [x]) => {
  const dims = pooled(node, x?.dims)
  return [dims, dims]
})
rule('GlobalAveragePool GlobalMaxPool GlobalLpPool QLinearGlobalAveragePool', (_, [x]) => [
  x?.dims?.map((size, i) => (i < 2 ? size : 1)),
])

rule('MatMul MatMulInteger', (_, [a, b]) => [multiplied(a?.dims, b?.dims)])
rule('QLinearMatMul', (_, inputs) => [multiplied(inputs[0]?.dims, inputs[3]?.dims)])
rule('Gemm', (node, [a, b]) => [gemm(node, a?.dims, b?.dims)])
rule('QGemm', (node, inputs) => [gemm(node, inputs[0]?.dims, inputs[3]?.dims)])

rule('Flatten', (node, [x]) => {
  if (!x?.dims) return []
  const axis = fromEnd(integerOf(node, 'axis', 1), x.dims.length)
  return [[product(x.dims.slice(0, axis)), product(x.dims.slice(axis))]]
})
rule('Reshape', (node, [x, shape]) => {
  const wanted = shape?.values ?? integersOf(node, 'shape')
  if (!wanted) return []
  const keepsZero = integerOf(node, 'allowzero', 0) === 1
  const dims = wanted.map((size, i) => (size === 0 && !keepsZero ? x?.dims?.[i] : size))
  const rest = product(dims.map((size) => (size === -1 ? 1 : size)))
  const all = x?.dims && product(x.dims)
  return [dims.map((size) => (size === -1 ? (all !== undefined && rest ? all / rest : undefined) : size))]
})
rule('Squeeze', (node, [x, axes]) => {
  if (!x?.dims) return []
  const { dims } = x
  const given = axes?.values ?? integersOf(node, 'axes')
  const gone = given?.map((axis) => fromEnd(axis!, dims.length))
  return [dims.filter((size, i) => (gone ? !gone.includes(i) : size !== 1))]
})
rule('Unsqueeze', (node, [x, axes]) => {
  const given = axes?.values ?? integersOf(node, 'axes')
  if (!x?.dims || !given) return []
  const rank = x.dims.length + given.length
  const added = given.map((axis) => fromEnd(axis!, rank))
  const rest = [...x.dims]
  return [Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : rest.shift()))]
})
rule('Transpose', (node, [x]) => {
  const order = integersOf(node, 'perm') ?? x?.dims?.map((_, i) => i).reverse()
  return [x?.dims && order?.map((axis) => x.dims![axis])]
})
rule('Concat', (node, inputs) => [joined(node, inputs)])
// Scale and zero point of the output, then data, scale and zero point of each input.
rule('QLinearConcat', (node, inputs) => [
  joined(
    node,
    inputs.filter((_, i) => i % 3 === 2),
  ),
])
rule('Split', (node, [x, sizes]) => {
  if (!x?.dims) return []
  const axis = fromEnd(integerOf(node, 'axis', 0), x.dims.length)
  const given = sizes?.values ?? integersOf(node, 'split')
  const count = node.output.length
  const whole = x.dims[axis]
  const even = whole === undefined ? undefined : Math.ceil(whole / count)
  return node.output.map((_, i) => {
    const size = given ? given[i] : even === undefined ? undefined : Math.min(even, whole! - i * even)
    return x.dims!.with(axis, size)
  })
})
rule('Slice', (node, [x, starts, ends, axes, steps]) => {
  const from = starts?.values ?? integersOf(node, 'starts')
  const to = ends?.values ?? integersOf(node, 'ends')
  if (!x?.dims || !from || !to) return []
  const along = axes?.values ?? integersOf(node, 'axes') ?? from.map((_, i) => i)
  const dims = [...x.dims]
  for (const [i, axis] of along.entries()) {
    const at = fromEnd(axis!, dims.length)
    dims[at] = slicedLength(dims[at], from[i], to[i], steps?.values?.[i] ?? 1)
  }
  return [dims]
})
rule('Gather', (node, [x, indices]) => {
  if (!x?.dims || !indices?.dims) return []
  const axis = fromEnd(integerOf(node, 'axis', 0), x.dims.length)
  return [[...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)]]
})
rule('Expand', (_, [x, shape]) => [broadcast([x?.dims, shape?.values])])
rule('Tile', (_, [x, repeats]) => [x?.dims?.map((size, i) => times(size, repeats?.values?.[i]))])
rule('Pad', (node, [x, pads]) => {
  const given = pads?.values ?? integersOf(node, 'pads')
  if (!x?.dims || !given) return []
  const rank = x.dims.length
  return [x.dims.map((size, i) => plus(plus(size, given[i]), given[i + rank]))]
})
rule('DepthToSpace', (node, [x]) => [rearranged(x?.dims, 1 / integerOf(node, 'blocksize', 1))])
rule('SpaceToDepth', (node, [x]) => [rearranged(x?.dims, integerOf(node, 'blocksize', 1))])
rule('Resize', (_, inputs) => {
  // Version 10 has (x, scales), later ones (x, regions, scales, sizes).
  const [x, second, scales, sizes] = inputs
  if (sizes?.values) return [sizes.values]
  return [scaled(x?.dims, (inputs.length === 2 ? second : scales)?.values)]
})
rule('Upsample', (node, [x, scales]) => [
  scaled(x?.dims, scales?.values ?? attributeOf(node, 'scales')?.floats),
])
rule('Shape', (node, [x]) => {
  if (!x?.dims) return []
  const rank = x.dims.length
  const from = fromEnd(integerOf(node, 'start', 0), rank)
  return [[fromEnd(integerOf(node, 'end', rank), rank) - from]]
})
rule('Size', () => [[]])
rule('Constant', (node) => {
  const list = integersOf(node, 'value_ints')
  return list ? [[list.length]] : attributeOf(node, 'value_int') ? [[]] : []
})
rule('ConstantOfShape', (_, [shape]) => [shape?.values])
rule('ArgMax ArgMin', (node, [x]) => {
  if (!x?.dims) return []
  const axis = fromEnd(integerOf(node, 'axis', 0), x.dims.length)
  return [integerOf(node, 'keepdims', 1) ? x.dims.with(axis, 1) : x.dims.toSpliced(axis, 1)]
})

function reduced(node: NodeProto, [x, axes]: TensorFacts[]): Dims | undefined {
  if (!x?.dims) return undefined
  const { dims } = x
  const given = axes?.values ?? integersOf(node, 'axes')
  const over = given?.map((axis) => fromEnd(axis!, dims.length)) ?? dims.map((_, i) => i)
  const keep = integerOf(node, 'keepdims', 1) === 1
  return keep
    ? dims.map((size, i) => (over.includes(i) ? 1 : size))
    : dims.filter((_, i) => !over.includes(i))
}

function gemm(node: NodeProto, a: Dims | undefined, b: Dims | undefined): Dims {
  return [a?.[integerOf(node, 'transA', 0)], b?.[1 - integerOf(node, 'transB', 0)]]
}

function multiplied(a: Dims | undefined, b: Dims | undefined): Dims | undefined {
  if (!a || !b || a.length === 0 || b.length === 0) return undefined
  const rows = a.length > 1 ? a.slice(-2, -1) : []
  const columns = b.length > 1 ? b.slice(-1) : []
  return [...broadcast([a.slice(0, -2), b.slice(0, -2)])!, ...rows, ...columns]
}

function joined(node: NodeProto, inputs: TensorFacts[]): Dims | undefined {
  const all = inputs.map(({ dims }) => dims)
  const first = all.find((dims) => dims !== undefined)
  if (!first) return undefined
  const axis = fromEnd(integerOf(node, 'axis', 1), first.length)
  return first.map((size, i) =>
    i === axis ? all.reduce<number | undefined>((sum, dims) => plus(sum, dims?.[axis]), 0) : size,
  )
}

/** `block` pixels a side of each map go into the channels, or come out of them where it is below 1. */
function rearranged(dims: Dims | undefined, block: number): Dims | undefined {
  return dims?.map((size, i) => (i === 0 ? size : times(size, i === 1 ? block * block : 1 / block)))
}

function scaled(dims: Dims | undefined, scales: Dims | undefined): Dims | undefined {
  if (!scales || scales.length === 0) return undefined
  return dims?.map((size, i) => {
    const exact = times(size, scales[i])
    return exact === undefined ? undefined : Math.floor(exact)
  })
}

function broadcast(shapes: (Dims | undefined)[]): Dims | undefined {
  if (shapes.some((dims) => dims === undefined)) return undefined
  const rank = Math.max(0, ...shapes.map((dims) => dims!.length))
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((dims) => (i < rank - dims!.length ? 1 : dims![i - rank + dims!.length]))
    // A size that is not known is 1 or the same as a known greater one.
    return (
      sizes.find((size) => size !== undefined && size !== 1) ?? (sizes.includes(undefined) ? undefined : 1)
    )
  })
}

function slicedLength(
  length: number | undefined,
  from: number | undefined,
  to: number | undefined,
  step: number,
): number | undefined {
  if (length === undefined || from === undefined || to === undefined) return undefined
  const clamp = (at: number, low: number, high: number) =>
    Math.min(high, Math.max(low, at < 0 ? at + length : at))
  return step > 0
    ? Math.max(0, Math.ceil((clamp(to, 0, length) - clamp(from, 0, length)) / step))
    : Math.max(0, Math.ceil((clamp(to, -1, length - 1) - clamp(from, 0, length - 1)) / step))
}

function fromEnd(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}

function plus(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b
}

function times(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a * b
}

function product(sizes: Dims): number | undefined {
  return sizes.reduce<number | undefined>((all, size) => times(all, size), 1)
}
