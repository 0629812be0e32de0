import type { GraphProto, ModelProto, NodeProto } from 'onnx-buf'
import { invalidArgument, SoftmarginError, show } from '../errors.ts'
import { producers, readBy, requiredInputs } from '../onnx/graph.ts'
import { nearest } from './nearest.ts'

/** A tensor of the network that can serve as features. */
export interface LayerInfo {
  /** The tensor's name, which is what `layer` takes. */
  name: string
  /** The name of the node that makes it; empty in files that do not name their nodes. */
  node: string
  /** What the node does: `'Conv'`, `'Relu'`, ... */
  operator: string
  /** Whether this is the one taken when no layer is named. */
  isDefault: boolean
  /** Why it is the default. */
  reason?: string
}

/** Operators that answer a shape, indexes or a mask, not activations. */
const notActivations = new Set([
  'Shape',
  'Size',
  'NonZero',
  'ArgMax',
  'ArgMin',
  'Equal',
  'Greater',
  'Less',
  'Not',
])

/** Operators that pass their first input on with the same numbers, or squash the class scores at the end. */
const atTheEnd = new Set([
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'Identity',
  'Dropout',
  'Cast',
  'ArgMax',
  'TopK',
])
const reshapes = new Set(['Flatten', 'Reshape', 'Squeeze'])
const pools = new Set(['GlobalAveragePool', 'GlobalMaxPool', 'ReduceMean', 'AveragePool'])

/**
 * Every tensor computed from the image, in the order of the network, the default one marked.
 *
 * The default is what enters the classification head: the last Gemm (or MatMul and Add, or 1x1 convolution
 * after the last pooling) before the scores. Without such a head it is the model's own output, before Softmax.
 */
export function listLayers(model: ModelProto): LayerInfo[] {
  const graph = model.graph!
  const activations = new Set(requiredInputs(graph).map(({ name }) => name))
  const layers: LayerInfo[] = []
  for (const node of graph.node) {
    if (notActivations.has(node.opType) || !readBy(node).some((name) => activations.has(name))) continue
    for (const name of node.output) {
      if (name === '') continue
      activations.add(name)
      layers.push({ name, node: node.name, operator: node.opType, isDefault: false })
    }
  }
  const chosen = defaultLayer(graph, layers)
  if (chosen) Object.assign(chosen.layer, { isDefault: true, reason: chosen.reason })
  return layers
}

function defaultLayer(graph: GraphProto, layers: LayerInfo[]) {
  const byName = new Map(layers.map((layer) => [layer.name, layer]))
  const made = producers(graph)
  // With several outputs, the one that lies deepest in the network.
  const depth = new Map(graph.node.map((node, i) => [node, i]))
  const ends = graph.output.map(({ name }) => made.get(name)).filter((node) => node !== undefined)
  let end: NodeProto | undefined = ends.sort((a, b) => depth.get(b)! - depth.get(a)!)[0]
  while (end && atTheEnd.has(end.opType) && byName.has(end.input[0])) end = made.get(end.input[0])
  const head = end && findHead(end, made, byName)
  const intoHead = head && byName.get(head.input[0])
  if (intoHead) {
    return { layer: intoHead, reason: `it enters the classification head, ${head.opType} ${show(head.name)}` }
  }
  const last = (end && byName.get(end.output[0])) ?? layers.at(-1)
  return last && { layer: last, reason: 'it is the output of a model without a classification head' }
}

/** The node that turns features into class scores, if `end` is one or belongs to one. */
function findHead(end: NodeProto, made: Map<string, NodeProto>, layers: Map<string, LayerInfo>) {
  const isLayer = (name: string) => layers.has(name)
  if (isLinear(end, isLayer)) return end
  if (end.opType === 'Add') {
    const product = end.input.map((name) => made.get(name)).find((node) => node?.opType === 'MatMul')
    return product && isLinear(product, isLayer) ? product : undefined
  }
  let node: NodeProto | undefined = end
  while (node && reshapes.has(node.opType)) node = made.get(node.input[0])
  if (node?.opType !== 'Conv') return undefined
  let before = made.get(node.input[0])
  while (before && (atTheEnd.has(before.opType) || reshapes.has(before.opType)))
    before = made.get(before.input[0])
  return before && pools.has(before.opType) ? node : undefined
}

/** A product of activations with weights; two activations multiplied are attention, not a head. */
function isLinear(node: NodeProto, isLayer: (name: string) => boolean): boolean {
  return (
    (node.opType === 'Gemm' || node.opType === 'MatMul') && isLayer(node.input[0]) && !isLayer(node.input[1])
  )
}

/**
 * The layer that a user names: a tensor, a node (its first output), a module of PyTorch (`layer3`: the last
 * tensor of the nodes below it), or a place from the end (`-1` is the last one).
 *
 * @throws {SoftmarginError} `LAYER_NOT_FOUND` with the nearest names; `INVALID_ARGUMENT`
 */
export function findLayer(layers: LayerInfo[], wanted: string | number, argument = 'layer'): LayerInfo {
  if (typeof wanted !== 'string' && typeof wanted !== 'number') {
    throw invalidArgument(
      argument,
      wanted,
      'the name of a tensor, node or module, or -1, -2, ... from the end',
    )
  }
  const name = String(wanted)
  const found =
    layers.find((layer) => layer.name === name) ??
    layers.find((layer) => name !== '' && layer.node === name) ??
    (/^-[1-9]\d*$/.test(name) ? layers.at(Number(name)) : undefined) ??
    layers.findLast((layer) => isBelow(layer.node, name) || isBelow(layer.name, name))
  if (found) return found
  const names = layers.flatMap((layer) => [layer.name, layer.node, ...layer.node.split('/').slice(0, -1)])
  const near = nearest(
    name,
    names.filter((one) => one !== ''),
    5,
  )
  const message = /^-?\d+$/.test(name)
    ? `the model has ${layers.length} layers, -1 to -${layers.length}`
    : `the nearest names are ${near.map(show).join(', ')}`
  throw new SoftmarginError(
    'LAYER_NOT_FOUND',
    `${argument} ${show(wanted)} is not in the model: ${message}`,
    {
      argument,
      received: wanted,
      expected: near.length > 0 ? `one of ${near.map(show).join(', ')}` : 'a model with layers',
    },
  )
}

/** Whether `name` is `module` or lies in it: `/layer3/layer3.0/conv1/Conv` lies in `layer3` and `layer3.0`. */
function isBelow(name: string, module: string): boolean {
  const path = module.replace(/^\/|\/$/g, '')
  if (path === '') return false
  for (let at = name.indexOf(path); at >= 0; at = name.indexOf(path, at + 1)) {
    const starts = at === 0 || name[at - 1] === '/'
    const next = name[at + path.length]
    if (starts && (next === undefined || next === '/' || next === '.' || next === '_' || next === ':'))
      return true
  }
  return false
}
