import { constant, node, tensorInfo } from '../graph/nodes.ts'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from '../proto/onnx.ts'
import { ioNames, ownPrefix } from './names.ts'
import type { SvmNumbers } from './svm-node.ts'
import { svmNode } from './write-svm-node.ts'

/** How a map of activations is pooled to one feature vector, fully resolved. */
export type FilePooling = 'average' | 'max' | 'cls' | 'none' | { grid: number }

/** How the CNN's output is arranged. */
export interface FileArrangement {
  /** Number of its dimensions, batch included. */
  rank: number
  /** Axis of its channels. Default: 1 of a map, 2 of tokens. */
  channelAxis?: number | undefined
  /** For tokens: how many come before the patch tokens. */
  prefixTokens?: number | undefined
  /** For tokens: the grid of the patch tokens. */
  patches?: { height: number; width: number } | undefined
}

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

/** Adds the pooling of the CNN's output to vectors [N, F], which become the output `features`. */
export function poolingSteps(
  steps: Steps,
  output: string,
  pooling: FilePooling,
  arrangement: FileArrangement,
): void {
  const flat = { axis: 1n }
  if (pooling === 'none') {
    steps.finish(ioNames.features, 'Flatten', [output], flat)
    return
  }
  if (pooling === 'cls') {
    const first = steps.constant('class-token', BigInt64Array.of(0n))
    const axis = arrangement.channelAxis === 1 ? 2n : 1n
    const token = steps.step('class-token-of', 'Gather', [output, first], { axis })
    steps.finish(ioNames.features, 'Flatten', [token], flat)
    return
  }
  const map = channelsFirst(steps, output, arrangement, typeof pooling === 'object')
  if (pooling === 'average' || pooling === 'max') {
    const op = pooling === 'average' ? 'GlobalAveragePool' : 'GlobalMaxPool'
    steps.finish(ioNames.features, 'Flatten', [steps.step('pooled', op, [map])], flat)
  } else steps.finish(ioNames.features, 'Flatten', [gridSteps(steps, map, pooling.grid)], flat)
}

/**
 * Brings maps with their channels last, and patch tokens, into the order [N, channels, ...].
 *
 * @param isGrid whether tokens are to have height and width
 */
function channelsFirst(
  steps: Steps,
  output: string,
  { rank, channelAxis, prefixTokens = 0, patches }: FileArrangement,
  isGrid: boolean,
): string {
  const swapped = (name: string, perm: bigint[]) =>
    steps.step('channels-first', 'Transpose', [name], { perm })
  if (rank === 4) return channelAxis === 3 ? swapped(output, [0n, 3n, 1n, 2n]) : output
  if (rank !== 3) return output
  const tokens = channelAxis === 1 ? output : swapped(output, [0n, 2n, 1n])
  let found = tokens
  if (prefixTokens > 0) {
    const integer = (name: string, value: bigint) => steps.constant(name, BigInt64Array.of(value))
    const from = integer('first-patch', BigInt(prefixTokens))
    found = steps.step('patches', 'Slice', [
      tokens,
      from,
      integer('last-patch', 2n ** 31n),
      integer('tokens', 2n),
    ])
  }
  if (!isGrid || !patches) return found
  const shape = BigInt64Array.of(0n, 0n, BigInt(patches.height), BigInt(patches.width))
  return steps.step('patch-grid', 'Reshape', [found, steps.constant('patch-grid-shape', shape)])
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
  if (scaler.kind === 'none') return ioNames.features
  if (scaler.kind === 'l2')
    return steps.step('scaled', 'ai.onnx.ml:Normalizer', [ioNames.features], { norm: 'L2' })
  const exact = steps.step('double', 'Cast', [ioNames.features], { to: BigInt(DataType.DOUBLE) })
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
  const decisions = two ? `${ownPrefix}decisions` : ioNames.scores
  steps.node(svmNode(`${ownPrefix}svm`, { ...svm, sigmoids: undefined }, scaled, ioNames.label, decisions))
  if (two) steps.finish(ioNames.scores, 'Neg', [decisions])
}
