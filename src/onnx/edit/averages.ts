import { integerOf, integersOf } from '../graph/attributes.ts'
import { freeName } from '../graph/copy-graph.ts'
import { producers, requiredInputs, tensorsReadBy } from '../graph/graph.ts'
import { constant, node, tensorInfo } from '../graph/nodes.ts'
import { operatorSetOf } from '../graph/operator-set.ts'
import { tensorNames } from '../graph/rename.ts'
import { create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
} from '../proto/onnx.ts'
import type { TensorInfo } from '../shapes/tensor-info.ts'
import { cutModel } from './cut.ts'

/** A node that averages a map over its height and width. */
export interface MapAverage {
  node: NodeProto
  /** Name of the map, [N, channels, height, width]. */
  map: string
  channels: number
  height: number
  width: number
  /** Whether the map is that of the horizontal mirror image; see averaged-views.ts. */
  isMirrored: boolean
}

/**
 * Finds the averages over whole maps through which alone a tensor depends on the images.
 *
 * @param facts what is known of the tensors
 * @returns `undefined` if the tensor depends on them in another way too, if the dimensions of a map are unknown, or in
 *   operator sets before 10, whose Slice is another one
 */
export function averagesBelow(
  model: ModelProto,
  output: string,
  facts: Map<string, TensorInfo>,
): MapAverage[] | undefined {
  const graph = model.graph!
  if (operatorSetOf(model) < 10) return undefined
  const made = producers(graph)
  const images = new Set(requiredInputs(graph).map(({ name }) => name))
  const found = new Map<string, MapAverage>()
  const seen = new Set<string>()
  const open = [output]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    if (images.has(name)) return undefined
    const maker = made.get(name)
    if (!maker) continue
    if (!isAverage(maker, facts)) {
      for (const read of tensorsReadBy(maker)) open.push(read)
      continue
    }
    const [channels, height, width] = facts.get(maker.input[0])?.dims?.slice(1) ?? []
    if (channels === undefined || height === undefined || width === undefined) return undefined
    const isMirrored = readsMirrorImage(maker.input[0], made, images, facts)
    found.set(name, { node: maker, map: maker.input[0], channels, height, width, isMirrored })
  }
  return found.size > 0 ? [...found.values()] : undefined
}

/** Whether all that a tensor is computed from of the images is their mirror images. */
function readsMirrorImage(
  name: string,
  made: Map<string, NodeProto>,
  images: Set<string>,
  facts: Map<string, TensorInfo>,
): boolean {
  const readers = new Set<NodeProto>()
  const seen = new Set<string>()
  const open = [name]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const maker = made.get(next)
    if (!maker || seen.has(next)) continue
    seen.add(next)
    for (const read of tensorsReadBy(maker)) {
      if (images.has(read)) readers.add(maker)
      else open.push(read)
    }
  }
  const values = (tensor: string) => facts.get(tensor)?.values?.join()
  const isFlip = ({ opType, input: [, , , axes, steps] }: NodeProto) =>
    opType === 'Slice' && values(axes) === '3' && values(steps) === '-1'
  return readers.size > 0 && [...readers].every(isFlip)
}

function isAverage(one: NodeProto, facts: Map<string, TensorInfo>): boolean {
  if (facts.get(one.input[0])?.dims?.length !== 4) return false
  if (one.opType === 'GlobalAveragePool') return true
  if (one.opType !== 'ReduceMean') return false
  const axes = integersOf(one, 'axes') ?? facts.get(one.input[1])?.values ?? []
  const sorted = axes.map((axis) => (axis === undefined || axis >= 0 ? axis : axis + 4)).sort()
  return sorted.join() === '2,3'
}

/**
 * The part of a model above some averages, as a model of its own. It has one input, [N, channels, 1, 1], which is the
 * averages one after the other.
 *
 * @param averages as `averagesBelow` finds them for this output
 */
export function aboveAverages(
  model: ModelProto,
  output: string,
  averages: readonly MapAverage[],
): { model: ModelProto; input: string; channels: number } {
  const graph = model.graph!
  const names = tensorNames(graph)
  const input = freeName('averages', names)
  const constants: TensorProto[] = []
  const list = (what: string, value: number) => {
    const made = constant(freeName(what, names), BigInt64Array.of(BigInt(value)))
    constants.push(made)
    return made.name
  }
  const axis = list('averages_axis', 1)
  const parts = new Map<NodeProto, NodeProto[]>()
  let channels = 0
  for (const { node: average, channels: own } of averages) {
    const [name] = average.output
    const ends = [list('averages_start', channels), list('averages_end', channels + own)]
    channels += own
    const isFlat = average.opType === 'ReduceMean' && integerOf(average, 'keepdims', 1) === 0
    const part = isFlat ? freeName(`${name}_part`, names) : name
    const nodes = [node(part, 'Slice', [input, ...ends, axis], [part])]
    if (isFlat) nodes.push(node(name, 'Flatten', [part], [name]))
    parts.set(average, nodes)
  }
  const joined = create(ModelProtoSchema, {
    ...model,
    graph: create(GraphProtoSchema, {
      ...graph,
      node: graph.node.flatMap((one) => parts.get(one) ?? [one]),
      initializer: [...graph.initializer, ...constants],
      input: [tensorInfo(input, DataType.FLOAT, ['batch', channels, 1, 1])],
      valueInfo: [],
    }),
  })
  const above = cutModel(joined, [output])
  above.graph!.output = graph.output.filter(({ name }) => name === output)
  return { model: above, input, channels }
}
