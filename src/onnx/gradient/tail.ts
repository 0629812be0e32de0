import { SoftmarginError, show } from '../../core/errors.ts'
import { attributeOf, integerOf } from '../graph/attributes.ts'
import { floatsOf } from '../graph/float-data.ts'
import { tensorsReadBy, topologicalOrder, typeName } from '../graph/graph.ts'
import { constant, tensorInfo } from '../graph/nodes.ts'
import { create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
} from '../proto/onnx.ts'
import type { TensorInfo } from '../shapes/tensor-info.ts'
import { blockedTensors } from './differentiate.ts'
import { type Weight, weightsOf } from './weights.ts'

/** The part of a network above a layer, as a model of its own. */
export interface Tail {
  /** Its inputs are `kept`, its output is the result, its weights are float32. */
  model: ModelProto
  /** The tensors that the tail reads from the rest of the network, all float32, with their dimensions in a batch. */
  kept: { name: string; dims: number[] }[]
  /** The weights that the tail alone reads. */
  weights: Weight[]
}

/**
 * Cuts off the part of a network that depends on a layer.
 *
 * @param model model with float32 input and one output, the result
 * @param facts what `inferTensors` found for the batch that the tail is to take
 * @param from name of the layer, or of the image input for the whole network
 * @throws {SoftmarginError} `INVALID_ARGUMENT` if the result does not depend on the layer; `MODEL_UNSUPPORTED` if the
 *   layer's sizes are unknown or its numbers are not float32
 */
export function tailOf(model: ModelProto, facts: Map<string, TensorInfo>, from: string): Tail {
  const graph = model.graph!
  const result = graph.output[0].name
  const { constants, nodes } = foldConstants(graph)
  const above = nodesBetween(nodes, from, result)
  if (above.length === 0) {
    const expected = `a layer that ${show(result)} is computed from`
    const message = `from must be ${expected}, but is ${show(from)}`
    throw new SoftmarginError('INVALID_ARGUMENT', message, { argument: 'from', received: from, expected })
  }
  const made = new Set(above.flatMap(({ output }) => output))
  const kept: Tail['kept'] = []
  const used = new Map<string, TensorProto>()
  for (const name of new Set(above.flatMap(tensorsReadBy))) {
    if (made.has(name)) continue
    const known = constants.get(name) ?? knownIntegers(name, facts)
    if (known) used.set(name, known)
    else kept.push({ name, dims: keptDims(name, facts) })
  }
  // The layer itself first.
  kept.sort((a, b) => Number(b.name === from) - Number(a.name === from))
  const outputDims = facts.get(result)?.dims?.map((size) => size ?? 0) ?? []
  const tail = create(ModelProtoSchema, {
    ...model,
    metadataProps: [],
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: above,
      initializer: [...used.values()],
      input: kept.map(({ name, dims }) => tensorInfo(name, DataType.FLOAT, dims)),
      output: [tensorInfo(result, DataType.FLOAT, outputDims)],
    }),
  })
  // What is kept would change with a weight that the rest of the network reads as well, such as that of a branch for the
  // mirror image, so such a weight stays.
  const within = new Set(above)
  const readBelow = new Set(nodes.filter((node) => !within.has(node)).flatMap(tensorsReadBy))
  const weights = weightsOf(above, used).filter(({ name }) => !readBelow.has(name))
  return { model: tail, kept, weights }
}

/**
 * The operator that keeps the gradient from a weight of the tail; `undefined` if it reaches all of them.
 *
 * A rule that only fails for certain attributes is not noticed here.
 */
export function obstacleIn({ model, weights }: Tail): NodeProto | undefined {
  const blocked = blockedTensors(model.graph!, model.graph!.output[0].name)
  return weights.map(({ name }) => blocked.get(name)).find((node) => node !== undefined)
}

/** The constants of a graph, with those that follow from a Constant, Cast or Identity, and the other nodes in order. */
function foldConstants(graph: GraphProto): { constants: Map<string, TensorProto>; nodes: NodeProto[] } {
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]))
  const nodes: NodeProto[] = []
  for (const node of topologicalOrder(graph)!) {
    const folded = folding(node, constants)
    if (folded) constants.set(node.output[0], folded)
    else nodes.push(node)
  }
  return { constants, nodes }
}

function folding(node: NodeProto, constants: Map<string, TensorProto>): TensorProto | undefined {
  const [name] = node.output
  if (node.opType === 'Constant') {
    const value = attributeOf(node, 'value')?.t
    return value && { ...value, name }
  }
  const source = constants.get(node.input[0])
  if (!source) return undefined
  if (node.opType === 'Identity') return { ...source, name }
  if (node.opType !== 'Cast' || integerOf(node, 'to', 0) !== DataType.FLOAT) return undefined
  const values = floatsOf(source)
  return values && constant(name, values, source.dims.map(Number))
}

/** The nodes on the paths from a tensor to a result, in topological order. */
function nodesBetween(nodes: NodeProto[], from: string, result: string): NodeProto[] {
  const depends = new Set([from])
  const behind = nodes.filter((node) => {
    if (node.output.includes(from) || !tensorsReadBy(node).some((name) => depends.has(name))) return false
    for (const name of node.output) depends.add(name)
    return true
  })
  const needed = new Set([result])
  return behind
    .toReversed()
    .filter((node) => {
      if (!node.output.some((name) => needed.has(name))) return false
      for (const name of tensorsReadBy(node)) needed.add(name)
      return true
    })
    .toReversed()
}

/** A tensor of integers that follows from the sizes of the batch, as a constant. */
function knownIntegers(name: string, facts: Map<string, TensorInfo>): TensorProto | undefined {
  const { type, dims, values } = facts.get(name) ?? {}
  if (type !== DataType.INT64 || !values?.every((value) => value !== undefined)) return undefined
  const sizes = dims?.every((size) => size !== undefined) ? (dims as number[]) : [values.length]
  return constant(name, BigInt64Array.from(values as number[], BigInt), sizes)
}

function keptDims(name: string, facts: Map<string, TensorInfo>): number[] {
  const { type, dims } = facts.get(name) ?? {}
  const isKnown = dims?.every((size) => size !== undefined)
  if (isKnown && (type === undefined || type === DataType.FLOAT)) return dims as number[]
  const why = isKnown ? `is ${typeName(type!)}` : 'has sizes that only running tells'
  const expected = 'a layer that is float32 and whose sizes follow from those of the image'
  const message = `the network cannot be trained from there on: tensor ${show(name)} ${why}`
  throw new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'from', received: name, expected })
}
