import { TensorProto_DataType as DataType, type GraphProto, type NodeProto, type TensorProto } from 'onnx-buf'
import { constant, node, tensorInfo } from '../graph/nodes.ts'
import { ownPrefix, ports } from './names.ts'
import { type SvmNumbers, svmNode } from './svm-node.ts'

/** How a map of activations is pooled to one feature vector, fully resolved. */
export type FilePooling = 'average' | 'max' | 'none' | { grid: number }

/** Scaling of feature vectors before the SVM. */
export type FileScaler =
  | { kind: 'none' }
  | { kind: 'l2' }
  /** `(x - mean) / scale`, computed in float64. */
  | { kind: 'standard'; mean: Float64Array; scale: Float64Array }

/** Appends nodes and initializers to a graph. */
export class Steps {
  readonly #graph: GraphProto

  constructor(graph: GraphProto) {
    this.#graph = graph
  }

  node(made: NodeProto): void {
    this.#graph.node.push(made)
  }

  /** Adds a node with one output of the same name and returns that name. */
  step(name: string, op: string, inputs: string[], attributes: Parameters<typeof node>[4] = {}): string {
    const output = ownPrefix + name
    this.node(node(output, op, inputs, [output], attributes))
    return output
  }

  /** Adds the node that computes one of the model's outputs. */
  finish(output: string, op: string, inputs: string[], attributes: Parameters<typeof node>[4] = {}): string {
    this.node(node(ownPrefix + output, op, inputs, [output], attributes))
    return output
  }

  /** States the type of a tensor [N, ...dims] that ONNX cannot infer. */
  declare(tensor: string, elementType: DataType, dims: number[]): void {
    this.#graph.valueInfo.push(tensorInfo(tensor, elementType, ['N', ...dims]))
  }

  constant(name: string, values: Parameters<typeof constant>[1], dims?: number[]): string {
    const made: TensorProto = constant(ownPrefix + name, values, dims)
    this.#graph.initializer.push(made)
    return made.name
  }
}

/** Adds the pooling of `map` to vectors [N, F], which become the output `features`. */
export function poolingSteps(steps: Steps, map: string, pooling: FilePooling): void {
  const flat = { axis: 1n }
  if (pooling === 'none') steps.finish(ports.features, 'Flatten', [map], flat)
  else if (pooling === 'average' || pooling === 'max') {
    const op = pooling === 'average' ? 'GlobalAveragePool' : 'GlobalMaxPool'
    steps.finish(ports.features, 'Flatten', [steps.step('pooled', op, [map])], flat)
  } else steps.finish(ports.features, 'Flatten', [gridSteps(steps, map, pooling.grid)], flat)
}

/**
 * Adds average pooling over a g x g grid, channel by channel.
 *
 * Cell i of g covers rows floor(i * H / g) to ceil((i + 1) * H / g), exclusive, as in PyTorch's adaptive
 * pooling. The bounds are computed inside the graph, so that the file accepts images of any size.
 */
function gridSteps(steps: Steps, map: string, grid: number): string {
  const counts = Array.from({ length: grid }, (_, i) => BigInt(i))
  const firsts = steps.constant('cell', BigInt64Array.from(counts))
  const nexts = steps.constant(
    'next-cell',
    BigInt64Array.from(counts, (i) => i + 1n),
  )
  const size = steps.constant('grid', BigInt64Array.of(BigInt(grid)))
  const roundUp = steps.constant('grid-round-up', BigInt64Array.of(BigInt(grid - 1)))
  const shape = steps.step('shape', 'Shape', [map])
  const bounds = (axis: 'row' | 'column', dimension: number) => {
    const axisIndex = steps.constant(`${axis}-axis`, BigInt64Array.of(BigInt(dimension)))
    const length = steps.step(`${axis}-length`, 'Gather', [shape, axisIndex])
    const starts = steps.step(`${axis}-starts`, 'Div', [
      steps.step(`${axis}-starts-times-grid`, 'Mul', [firsts, length]),
      size,
    ])
    const ends = steps.step(`${axis}-ends`, 'Div', [
      steps.step(`${axis}-ends-rounded`, 'Add', [
        steps.step(`${axis}-ends-times-grid`, 'Mul', [nexts, length]),
        roundUp,
      ]),
      size,
    ])
    return { starts, ends, axisIndex }
  }
  const rows = bounds('row', 2)
  const columns = bounds('column', 3)
  const at = counts.map((i) => steps.constant(`cell-${i}`, BigInt64Array.of(i)))
  const pick = (name: string, list: string, i: number) => steps.step(name, 'Gather', [list, at[i]])
  const columnBounds = counts.map((_, j) => [
    pick(`column-${j}-start`, columns.starts, j),
    pick(`column-${j}-end`, columns.ends, j),
  ])
  const bands = counts.map((_, i) => {
    const start = pick(`row-${i}-start`, rows.starts, i)
    const end = pick(`row-${i}-end`, rows.ends, i)
    const band = steps.step(`row-${i}`, 'Slice', [map, start, end, rows.axisIndex])
    const cells = counts.map((_, j) => {
      const cell = steps.step(`cell-${i}-${j}`, 'Slice', [band, ...columnBounds[j], columns.axisIndex])
      return steps.step(`average-${i}-${j}`, 'GlobalAveragePool', [cell])
    })
    return steps.step(`averages-${i}`, 'Concat', cells, { axis: 3n })
  })
  return steps.step('averages', 'Concat', bands, { axis: 2n })
}

/** Adds the scaling of `features`. @returns name of the scaled tensor, float32 */
export function scalerSteps(steps: Steps, scaler: FileScaler): string {
  if (scaler.kind === 'none') return ports.features
  if (scaler.kind === 'l2')
    return steps.step('scaled', 'ai.onnx.ml:Normalizer', [ports.features], { norm: 'L2' })
  const exact = steps.step('double', 'Cast', [ports.features], { to: BigInt(DataType.DOUBLE) })
  const centred = steps.step('centred', 'Sub', [exact, steps.constant('mean', scaler.mean)])
  const divided = steps.step('divided', 'Div', [centred, steps.constant('scale', scaler.scale)])
  return steps.step('scaled', 'Cast', [divided], { to: BigInt(DataType.FLOAT) })
}

/**
 * Adds the SVM, whose decision values become the file's scores. For more than two classes there is one per
 * pair, (0, 1), (0, 2), ..., (1, 2), ..., positive for the first class of the pair. For two classes the
 * operator returns [-d, d] for a decision value d in favour of the first class, so both are negated to make
 * the larger score that of the label.
 */
export function svmSteps(steps: Steps, svm: SvmNumbers, scaled: string): void {
  const two = svm.classes.length === 2
  const decisions = two ? `${ownPrefix}decisions` : ports.scores
  steps.node(svmNode(`${ownPrefix}svm`, { ...svm, sigmoids: undefined }, scaled, ports.label, decisions))
  if (two) steps.finish(ports.scores, 'Neg', [decisions])
}
