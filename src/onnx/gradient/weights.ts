import { floatsOf } from '../graph/float-data.ts'
import { tensorsReadBy } from '../graph/graph.ts'
import { isOnnxDomain } from '../graph/operator-set.ts'
import { TensorProto_DataType as DataType, type NodeProto, type TensorProto } from '../proto/onnx.ts'

/** A float constant of a network that training may change. */
export interface Weight {
  /** Name of its tensor. A float16 constant that is cast has the name of the cast's result. */
  name: string
  dims: number[]
  values: Float32Array
  /**
   * Number of layers above the operator that reads it, on the longest path to the result. A layer is a product with weights;
   * a bias or a normalisation behind a product counts with it.
   */
  depth: number
}

/** Which inputs of a product are weights if they are constant. */
const products = new Map<string, number[]>([
  ['Conv', [1, 2]],
  ['ConvTranspose', [1, 2]],
  ['Gemm', [1, 2]],
  ['MatMul', [0, 1]],
])

/** The same of operators that change numbers one by one. */
const adjustments = new Map<string, number[]>([
  ['BatchNormalization', [1, 2]],
  ['LayerNormalization', [1, 2]],
  ['InstanceNormalization', [1, 2]],
  ['GroupNormalization', [1, 2]],
  ['PRelu', [1]],
])

/** Operators whose constants are weights unless they are single numbers: biases, scales, tokens. */
const combines = new Set(['Add', 'Sub', 'Mul', 'Div', 'Concat', 'Expand'])

/**
 * The constants that training may change.
 *
 * @param nodes in topological order
 */
export function weightsOf(
  nodes: readonly NodeProto[],
  constants: ReadonlyMap<string, TensorProto>,
): Weight[] {
  const found = new Map<string, Weight>()
  // The number of layers that read a tensor, directly or not, one above the other.
  const layersAbove = new Map<string, number>()
  for (const node of nodes.toReversed()) {
    const depth = Math.max(...node.output.map((name) => layersAbove.get(name) ?? 0))
    const names = weightNames(node, constants)
    for (const name of names) {
      // A weight that several operators read belongs to the lowest one, whose learning rate is the smallest.
      if ((found.get(name)?.depth ?? -1) > depth) continue
      const tensor = constants.get(name)!
      found.set(name, { name, dims: tensor.dims.map(Number), values: floatsOf(tensor)!, depth })
    }
    const isLayer = products.has(node.opType) && names.length > 0
    for (const name of tensorsReadBy(node)) {
      layersAbove.set(name, Math.max(layersAbove.get(name) ?? 0, isLayer ? depth + 1 : depth))
    }
  }
  return [...found.values()]
}

function weightNames(
  { opType, domain, input }: NodeProto,
  constants: ReadonlyMap<string, TensorProto>,
): string[] {
  if (!isOnnxDomain(domain)) return []
  const isFloat = (name: string) => constants.get(name)?.dataType === DataType.FLOAT
  if (combines.has(opType)) {
    const length = (name: string) => constants.get(name)!.dims.reduce((all, n) => all * Number(n), 1)
    return input.filter((name) => isFloat(name) && length(name) > 1)
  }
  const inputs = products.get(opType) ?? adjustments.get(opType) ?? []
  return inputs.map((i) => input[i] ?? '').filter(isFloat)
}
