import { attributeOf, integersOf, numbersOf } from '../graph/attributes.ts'
import type { NodeProto } from '../proto/onnx.ts'
import { boundedValues, mostValues } from './infer-limits.ts'
import { partOfShape } from './infer-shapes.ts'
import type { TensorFacts } from './tensor-info.ts'

type Values = (number | undefined)[]

const arithmetic = new Map<string, (a: number, b: number) => number>([
  ['Add', (a, b) => a + b],
  ['Sub', (a, b) => a - b],
  ['Mul', (a, b) => a * b],
  ['Div', (a, b) => a / b],
  ['Min', Math.min],
  ['Max', Math.max],
  ['Equal', (a, b) => Number(a === b)],
])
/** Integer types, for which Div truncates: uint8 to int64, uint32 and uint64. */
const integers = new Set([2, 3, 4, 5, 6, 7, 12, 13])

/**
 * Evaluates a node's first output where possible. Models compute shapes for Reshape, Expand and Resize by
 * chains of Shape, Gather, Concat and arithmetic. Lists of more than `mostValues` values are not followed.
 */
export function valuesOf(node: NodeProto, inputs: TensorFacts[]): Values | undefined {
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
    case 'Slice': {
      const from = second?.values?.[0] ?? integersOf(node, 'starts')?.[0]
      const to = third?.values?.[0] ?? integersOf(node, 'ends')?.[0]
      const step = node.input[4] ? inputs[4]?.values?.[0] : 1
      return from === undefined || to === undefined || step !== 1 ? undefined : x?.values?.slice(from, to)
    }
    case 'ConstantOfShape': {
      const count = second === undefined ? x?.values?.[0] : undefined
      const fill = attributeOf(node, 'value')?.t
      if (x?.values?.length !== 1 || count === undefined) return undefined
      if (!Number.isInteger(count) || count < 0 || count > mostValues) return undefined
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

/**
 * Concatenates all values, unless there are too many: a list concatenated with itself repeatedly doubles each
 * time.
 */
function joined(inputs: TensorFacts[]): Values | undefined {
  const all: Values = []
  for (const { values } of inputs) {
    if (values === undefined || all.length + values.length > mostValues) return undefined
    all.push(...values)
  }
  return all
}

/** Applies a function elementwise; a list of one value is broadcast. */
function each(inputs: (TensorFacts | undefined)[], apply: (values: number[]) => number): Values | undefined {
  const lists = inputs.map((input) => input?.values)
  if (lists.some((list) => list === undefined)) return undefined
  const length = Math.max(...lists.map((list) => list!.length))
  return Array.from({ length }, (_, i) => {
    const values = lists.map((list) => (list!.length === 1 ? list![0] : list![i]))
    return values.some((value) => value === undefined) ? undefined : apply(values as number[])
  })
}
