import { attributeOf, integersOf, numbersOf } from '../graph/attributes.ts'
import type { NodeProto } from '../proto/onnx.ts'
import { axisOf, boundedValues, MAX_VALUES } from './infer-limits.ts'
import { partOfShape } from './infer-shapes.ts'
import type { TensorInfo } from './tensor-info.ts'

type Values = (number | undefined)[]

const arithmetic = new Map<string, (a: number, b: number) => number>([
  ['Add', (a, b) => a + b],
  ['Sub', (a, b) => a - b],
  ['Mul', (a, b) => a * b],
  ['Div', (a, b) => a / b],
  ['Min', Math.min],
  ['Max', Math.max],
  // Unlike in JavaScript the result has the sign of the divisor.
  ['Mod', (a, b) => a - b * Math.floor(a / b)],
  ['Equal', (a, b) => Number(a === b)],
])
/** Integer types, for which Div truncates: uint8 to int64, uint32 and uint64. */
const integers = new Set([2, 3, 4, 5, 6, 7, 12, 13])

/**
 * Evaluates a node's first output where possible. Models compute shapes for Reshape, Expand and Resize by
 * chains of Shape, Gather, Concat and arithmetic. Lists of more than `MAX_VALUES` values are not followed.
 */
export function valuesOf(node: NodeProto, inputs: TensorInfo[]): Values | undefined {
  const [x, second, third] = inputs
  switch (node.opType) {
    case 'Constant': {
      const number = attributeOf(node, 'value_int')
      return number ? [Number(number.i)] : boundedValues(attributeOf(node, 'value_ints')?.ints)?.map(Number)
    }
    case 'Shape':
      return x?.dims && partOfShape(node, x.dims)
    case 'Identity':
    case 'Cast':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Reshape':
      return x?.values
    case 'Floor':
      return x?.values?.map((value) => (value === undefined ? undefined : Math.floor(value)))
    case 'Ceil':
      return x?.values?.map((value) => (value === undefined ? undefined : Math.ceil(value)))
    case 'Gather':
      return second?.values?.map((i) => (i === undefined ? undefined : x?.values?.at(i)))
    case 'Concat':
      return joined(inputs)
    case 'Slice':
      return sliced(node, inputs)
    case 'Transpose':
      return transposed(x, integersOf(node, 'perm'))
    case 'ConstantOfShape': {
      const count = second === undefined ? x?.values?.[0] : undefined
      const fill = attributeOf(node, 'value')?.t
      if (x?.values?.length !== 1 || count === undefined) return undefined
      if (!Number.isInteger(count) || count < 0 || count > MAX_VALUES) return undefined
      return Array(count).fill(fill ? numbersOf(fill, 1)?.[0] : 0)
    }
    case 'Where':
      return each([x, second, third], ([condition, yes, no]) => (condition ? yes : no))
    default: {
      const apply = arithmetic.get(node.opType)
      if (!apply) return undefined
      const whole = node.opType === 'Div' && integers.has(x?.type ?? 0)
      return each([x, second], ([a, b]) => (whole ? Math.trunc(a / b) : apply(a, b)))
    }
  }
}

/** Slices a list, or a table along one of its axes: exporters reverse the rows of a table of pads. */
function sliced(node: NodeProto, [x, ...bounds]: TensorInfo[]): Values | undefined {
  const [starts, ends, axes, steps] = ['starts', 'ends', 'axes', 'steps'].map((name, i) => {
    return node.input[i + 1] ? bounds[i]?.values : (integersOf(node, name) ?? (i < 2 ? undefined : []))
  })
  const { values, dims } = x ?? {}
  const [from, to, step = 1] = [starts?.[0], ends?.[0], steps?.[0]]
  const axis = axisOf(axes?.[0] ?? 0, dims?.length ?? 1)
  const isOne = starts?.length === 1 && axes !== undefined && steps !== undefined
  if (!values || !isOne || from === undefined || to === undefined || axis === undefined) return undefined
  const sizes = dims ?? [values.length]
  const length = sizes[axis]
  if (length === undefined || !Number.isInteger(step) || step === 0) return undefined
  const behind = sizes.slice(axis + 1).reduce<number>((all, size) => all * (size ?? Number.NaN), 1)
  if (values.length % (length * behind) !== 0) return undefined
  const within = (index: number, least: number, most: number) =>
    Math.min(most, Math.max(least, index < 0 ? index + length : index))
  const [start, stop] =
    step > 0
      ? [within(from, 0, length), within(to, 0, length)]
      : [within(from, 0, length - 1), within(to, -1, length - 1)]
  const made: Values = []
  for (let outer = 0; outer < values.length; outer += length * behind) {
    for (let i = start; step > 0 ? i < stop : i > stop; i += step) {
      const at = outer + i * behind
      made.push(...values.slice(at, at + behind))
    }
  }
  return made
}

/** Transposes a table. */
function transposed(x: TensorInfo | undefined, perm: number[] | undefined): Values | undefined {
  const [rows, columns] = x?.dims ?? []
  if (!x?.values || x.dims?.length !== 2 || rows === undefined || columns === undefined) return undefined
  if (perm && perm.join() !== '1,0') return x.values
  return x.values.map((_, i) => x.values![(i % rows) * columns + Math.floor(i / rows)])
}

/**
 * Concatenates all values, unless there are too many: a list concatenated with itself repeatedly doubles each
 * time.
 */
function joined(inputs: TensorInfo[]): Values | undefined {
  const all: Values = []
  for (const { values } of inputs) {
    if (values === undefined || all.length + values.length > MAX_VALUES) return undefined
    all.push(...values)
  }
  return all
}

/** Applies a function elementwise; a list of one value is broadcast. */
function each(inputs: (TensorInfo | undefined)[], apply: (values: number[]) => number): Values | undefined {
  const lists = inputs.map((input) => input?.values)
  if (lists.some((list) => list === undefined)) return undefined
  const length = Math.max(...lists.map((list) => list!.length))
  return Array.from({ length }, (_, i) => {
    const values = lists.map((list) => (list!.length === 1 ? list![0] : list![i]))
    return values.some((value) => value === undefined) ? undefined : apply(values as number[])
  })
}
