import { invalidArgument, SoftmarginError, show } from '../../core/errors.ts'
import { closestName } from '../../core/suggest.ts'
import { cutGraph } from '../../onnx/edit/cut.ts'
import { bridgeOf, quantisers } from '../../onnx/edit/float32-io.ts'
import { readBy, requiredInputs } from '../../onnx/graph/graph.ts'
import type { GraphProto, ModelProto } from '../../onnx/proto/onnx.ts'
import { inferTensors } from '../../onnx/shapes/infer.ts'
import { workShares } from '../../onnx/shapes/multiply-adds.ts'
import type { Dims, TensorFacts } from '../../onnx/shapes/tensor-info.ts'
import { defaultLayer } from './default-layer.ts'
import type { LayerInfo } from './layer-info.ts'
import { modelMetadata } from './model-metadata.ts'

/** Operators that return sizes, not activations; tensors computed from their results are not layers. */
const answersNoPixels = new Set(['Shape', 'Size'])

/**
 * Lists every tensor computed from the image, in network order. The default layer is marked: the one named in
 * the file's metadata, otherwise the one that `defaultLayer` finds.
 */
export function listLayers(model: ModelProto, facts = inferTensors(model)): LayerInfo[] {
  const graph = model.graph!
  const quantised = quantisers(graph)
  const activations = new Set(requiredInputs(graph).map(({ name }) => name))
  const layers: LayerInfo[] = []
  for (const node of graph.node) {
    if (answersNoPixels.has(node.opType) || !readBy(node).some((name) => activations.has(name))) continue
    for (const name of node.output) {
      if (name === '') continue
      activations.add(name)
      // A quantized tensor is represented by the output of the DequantizeLinear that follows it.
      if (node.opType === 'QuantizeLinear' || bridgeOf(name, facts, quantised) === undefined) continue
      // A scalar or vector has no batch dimension, so it is not per image.
      if ((facts.get(name)?.dims?.length ?? 2) < 2) continue
      layers.push({ name, node: node.name, operator: node.opType, isDefault: false })
    }
  }
  const named = layers.find(({ name }) => name === modelMetadata(model)?.layer)
  const chosen = named
    ? { layer: named, reason: 'its file names it' }
    : defaultLayer(graph, layers, activations, facts)
  if (chosen) Object.assign(chosen.layer, { isDefault: true, reason: chosen.reason })
  return layers
}

/**
 * Adds `shape`, `share` and `endsStage` to each layer.
 *
 * @param input the model's image input, with its dimensions including the batch
 */
export function measureLayers(
  model: ModelProto,
  layers: LayerInfo[],
  input: { name: string; dims: number[] },
): LayerInfo[] {
  const facts = inferTensors(model, { [input.name]: input.dims })
  const shares = workShares(model.graph!, facts)
  const ends = stageEnds(model.graph!, facts, layers)
  return layers.map((layer) => {
    const shape = facts.get(layer.name)?.dims?.slice(1)
    const share = shares.get(layer.name)
    const isKnown = shape?.every((size) => size !== undefined)
    return {
      ...layer,
      ...(isKnown && { shape: shape as number[], endsStage: ends.has(layer.name) }),
      ...(share !== undefined && { share }),
    }
  })
}

/**
 * Names of the layers that end a stage: the default layer, and the last map of each size among the maps
 * before it that all paths to later maps pass through. Averages of a map that bypass the following layers, as
 * in features combined from several stages, do not count as maps.
 */
function stageEnds(graph: GraphProto, facts: Map<string, TensorFacts>, layers: LayerInfo[]): Set<string> {
  const target = layers.find(({ isDefault }) => isDefault)
  if (!target) return new Set()
  const names = new Set(layers.map(({ name }) => name))
  const { node: path } = cutGraph(graph, [target.name])
  const isRow = (name: string) => isOneEachChannel(facts.get(name)?.dims)
  /** For each tensor, index of the last node that computes a map from it. */
  const lastReader = new Map<string, number>()
  for (const [i, node] of path.entries()) {
    if (node.output.every(isRow)) continue
    for (const name of readBy(node)) lastReader.set(name, i)
  }
  const ends = new Map<string, string>()
  // Maps that later maps still depend on.
  const open = new Set(requiredInputs(graph).map(({ name }) => name))
  for (const name of open) if (!lastReader.has(name)) lastReader.set(name, 0)
  /** For each node, the tensors that no later node reads. */
  const finished: string[][] = path.map(() => [])
  for (const [name, i] of lastReader) finished[i].push(name)
  for (const [i, node] of path.entries()) {
    const isActivation =
      readBy(node).some((name) => open.has(name)) || node.output.some((name) => names.has(name))
    const made = isActivation ? node.output.filter((name) => !isRow(name)) : []
    for (const name of made) if ((lastReader.get(name) ?? -1) > i) open.add(name)
    for (const name of finished[i]) open.delete(name)
    const dims = facts.get(made[0])?.dims
    const isAlone = made.length === 1 && (open.size === 0 || (open.size === 1 && open.has(made[0])))
    if (isAlone && names.has(made[0]) && dims?.length === 4) ends.set(dims.slice(2).join(), made[0])
  }
  return new Set([...ends.values(), target.name])
}

/** Whether a tensor has one value per channel. */
function isOneEachChannel(dims: Dims | undefined): boolean {
  return dims?.length === 2 || (dims?.length === 4 && dims[2] === 1 && dims[3] === 1)
}

/**
 * Resolves a layer named by the user: a tensor, a node (its first output), a PyTorch module (`layer3`: the
 * last tensor of the nodes inside it), or a position from the end (`-1` is the last layer).
 *
 * @throws {SoftmarginError} `LAYER_NOT_FOUND` with the closest names; `INVALID_ARGUMENT`
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
  const near = closestName(
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

/** Whether `name` is `module` or inside it: `/layer3/layer3.0/conv1/Conv` is inside `layer3` and `layer3.0`. */
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
