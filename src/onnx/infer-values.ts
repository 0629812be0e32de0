import type { NodeProto } from 'onnx-buf'
import { attributeOf, integerOf, integersOf, numbersOf } from './attributes.ts'
import type { TensorFacts } from './infer.ts'

type Values = (number | undefined)[]

const arithmetic = new Map<string, (a: number, b: number) => number>(
  Object.entries({
    Add: (a, b) => a + b,
    Sub: (a, b) => a - b,
    Mul: (a, b) => a * b,
    Div: (a, b) => a / b,
    Min: Math.min,
    Max: Math.max,
    Equal: (a, b) => Number(a === b),
  }),
)
/** Types of integers, in which a division drops the rest: uint8 to int64, uint32 and uint64. */
const integers = new Set([2, 3, 4, 5, 6, 7, 12, 13])

/**
 * The numbers that a node answers, where they can be known beforehand: files compute shapes for Reshape, Expand
 * and Resize by chains of Shape, Gather, Concat and arithmetic.
 */
export function valuesOf(node: NodeProto, inputs: TensorFacts[]): Values | undefined {
  const [x, second, third] = inputs
  switch (node.opType) {
    case 'Constant': {
      const number = attributeOf(node, 'value_int')
      return number ? [Number(number.i)] : integersOf(node, 'value_ints')
    }
    case 'Shape': {
      const end = attributeOf(node, 'end')
      return x?.dims?.slice(integerOf(node, 'start', 0), end ? Number(end.i) : undefined)
    }
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
      return inputs.every(({ values }) => values) ? inputs.flatMap(({ values }) => values!) : undefined
    case 'Slice': {
      const from = second?.values?.[0] ?? integersOf(node, 'starts')?.[0]
      const to = third?.values?.[0] ?? integersOf(node, 'ends')?.[0]
      const step = inputs[4]?.values?.[0] ?? 1
      return from === undefined || to === undefined || step !== 1 ? undefined : x?.values?.slice(from, to)
    }
    case 'ConstantOfShape': {
      const count = second === undefined ? x?.values?.[0] : undefined
      const fill = attributeOf(node, 'value')?.t
      if (x?.values?.length !== 1 || count === undefined || count > 64) return undefined
      return Array(count).fill(fill ? numbersOf(fill)?.[0] : 0)
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

/** Number by number; a list of one goes with each. */
function each(inputs: (TensorFacts | undefined)[], apply: (values: number[]) => number): Values | undefined {
  const lists = inputs.map((input) => input?.values)
  if (lists.some((list) => list === undefined)) return undefined
  const length = Math.max(...lists.map((list) => list!.length))
  return Array.from({ length }, (_, i) => {
    const values = lists.map((list) => (list!.length === 1 ? list![0] : list![i]))
    return values.some((value) => value === undefined) ? undefined : apply(values as number[])
  })
}
