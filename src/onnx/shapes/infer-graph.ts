import { attributeOf, integerOf, numbersOf } from '../graph/attributes.ts'
import { dimensions } from '../graph/graph.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../proto/onnx.ts'
import { boundedDims, boundedValues, MAX_DIMENSIONS, MAX_VALUES } from './infer-limits.ts'
import type { Dims, TensorInfo } from './tensor-info.ts'

/** What is known of operators. */
export interface Rules {
  /** The shapes of a node's outputs; fewer if they are unknown. */
  shapesOf(node: NodeProto, inputs: TensorInfo[]): (Dims | undefined)[]
  /** The integers of a node's first output. */
  valuesOf(node: NodeProto, inputs: TensorInfo[]): Dims | undefined
}

/**
 * Infers the type and shape of each tensor of the main graph from operators, weights and the file's
 * value_info. It covers the ONNX operators used in CNNs, in all opsets. After an unknown operator, shapes are
 * only known again where the file records them.
 *
 * The running time is linear in the size of the graph, whatever numbers it contains. Invalid results (a
 * nonexistent axis, a negative size) and values too large to track are treated as unknown; ONNX Runtime
 * reports such errors itself.
 *
 * @param inputs dimensions of inputs by name, which override those in the file
 */
export function inferWith(
  { shapesOf, valuesOf }: Rules,
  model: ModelProto,
  inputs: Record<string, Dims> = {},
): Map<string, TensorInfo> {
  const graph = model.graph!
  const facts = new Map<string, TensorInfo>()
  const declared = new Map<string, TensorInfo>()
  for (const info of [...graph.valueInfo, ...graph.output, ...graph.input]) {
    const type = info.type?.value.case === 'tensorType' ? info.type.value.value.elemType : undefined
    declared.set(info.name, { type: type || undefined, dims: boundedDims(dimensions(info.type)) })
  }
  for (const { name } of graph.input) {
    facts.set(name, { ...declared.get(name), ...(Object.hasOwn(inputs, name) && { dims: inputs[name] }) })
  }
  for (const tensor of graph.initializer) facts.set(tensor.name, constantFacts(tensor))
  for (const { values, dims } of graph.sparseInitializer) {
    if (values) facts.set(values.name, { type: values.dataType, dims: dimsOf(dims) })
  }
  for (const node of graph.node) {
    const read = node.input.map((name) => facts.get(name) ?? {})
    const constant = node.opType === 'Constant' ? attributeOf(node, 'value')?.t : undefined
    const shapes = constant ? [] : shapesOf(node, read)
    for (const [i, name] of node.output.entries()) {
      if (name === '') continue
      const known = declared.get(name)
      const found: TensorInfo = constant ? constantFacts(constant) : { dims: boundedDims(shapes[i]) }
      if (!constant && i === 0) found.values = boundedValues(valuesOf(node, read))
      found.type ??= known?.type ?? typeOf(node, read, i)
      found.dims = merge(found.dims, known?.dims)
      facts.set(name, found)
    }
  }
  return facts
}

function constantFacts(tensor: TensorProto): TensorInfo {
  const dims = dimsOf(tensor.dims)
  const length = dims?.reduce<number>((all, n) => all * (n ?? Number.NaN), 1)
  const values = length !== undefined && length <= MAX_VALUES ? numbersOf(tensor, length) : undefined
  // A file may hold fewer values than its dimensions require.
  return { type: tensor.dataType, dims, values: values?.length === length ? values : undefined }
}

function dimsOf(dims: bigint[]): Dims | undefined {
  return dims.length > MAX_DIMENSIONS ? undefined : boundedDims(dims.map(Number))
}

/** Inferred dimensions, completed with those recorded in the file. */
function merge(inferred: Dims | undefined, declared: Dims | undefined): Dims | undefined {
  if (!inferred || !declared || inferred.length !== declared.length) return inferred ?? declared
  return inferred.map((size, i) => size ?? declared[i])
}

const BOOL_OPERATORS = new Set([
  'Equal',
  'Greater',
  'Less',
  'GreaterOrEqual',
  'LessOrEqual',
  'Not',
  'And',
  'Or',
  'Xor',
])
const INDEX_OPERATORS = new Set(['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin'])

/** Index of the zero-point input, whose type is the output type, by quantized operator. */
const ZERO_POINT_INPUT = new Map([
  ['QLinearConv', 7],
  ['QLinearMatMul', 7],
  ['QLinearAdd', 7],
  ['QLinearMul', 7],
  ['QLinearConcat', 1],
  ['QGemm', 8],
])

/**
 * The element type of a node's output, which the file may not record.
 *
 * @param inputs what is known of the node's inputs
 * @param output number of the output
 */
export function typeOf(node: NodeProto, inputs: readonly TensorInfo[], output: number): DataType | undefined {
  const { opType } = node
  if (BOOL_OPERATORS.has(opType)) return DataType.BOOL
  if (INDEX_OPERATORS.has(opType)) return DataType.INT64
  const zeroPoint = ZERO_POINT_INPUT.get(opType)
  if (zeroPoint !== undefined) {
    return inputs[zeroPoint]?.type ?? (opType === 'QGemm' ? DataType.FLOAT : DataType.UINT8)
  }
  switch (opType) {
    case 'Cast':
      return integerOf(node, 'to', 0) || undefined
    case 'Constant':
      return /^value_int/.test(node.attribute[0]?.name ?? '') ? DataType.INT64 : DataType.FLOAT
    case 'QuantizeLinear':
      return inputs[2]?.type ?? DataType.UINT8
    case 'DequantizeLinear':
      return inputs[1]?.type
    case 'DynamicQuantizeLinear':
      return output === 1 ? DataType.FLOAT : DataType.UINT8
    case 'ConvInteger':
    case 'MatMulInteger':
      return DataType.INT32
    case 'Where':
    case 'CastLike':
      return inputs[1]?.type
    case 'ConstantOfShape':
      return attributeOf(node, 'value')?.t?.dataType ?? DataType.FLOAT
    case 'MaxPool':
    case 'TopK':
      return output === 1 ? DataType.INT64 : inputs[0]?.type
    case 'If':
    case 'Loop':
    case 'Scan':
      return undefined
    default:
      return inputs[0]?.type
  }
}
