import { invalidArgument, SoftmarginError, show } from '../../core/errors.ts'
import { closestName } from '../../core/suggest.ts'
import { cutGraph } from '../../onnx/edit/cut.ts'
import { bridgeOf, quantisers } from '../../onnx/edit/float32-bridges.ts'
import { requiredInputs, tensorsReadBy } from '../../onnx/graph/graph.ts'
import type { GraphProto, ModelProto, NodeProto } from '../../onnx/proto/onnx.ts'
import { workShares } from '../../onnx/shapes/multiply-adds.ts'
import type { TensorInfo } from '../../onnx/shapes/tensor-info.ts'
import type { Arrangements } from './arrangements.ts'
import { type Bottleneck, bottlenecks } from './bottlenecks.ts'
import { defaultLayer } from './default-layer.ts'
import { imagePart } from './image-part.ts'
import type { LayerInfo } from './layer-info.ts'
import { modelMetadata } from './model-metadata.ts'
import { towersOf } from './towers.ts'
import { isAttention, transformerBlocks } from './transformer-blocks.ts'

/** Operators that return sizes, not activations; tensors computed from their results are not layers. */
const answersNoPixels = new Set(['Shape', 'Size'])

/**
 * Lists every tensor computed from the image alone, in network order. The default layer is marked: the one named in
 * the file's metadata, otherwise the one that `defaultLayer` finds.
 *
 * @param facts from `inferTensors`
 */
export function listLayers(model: ModelProto, facts: Map<string, TensorInfo>): LayerInfo[] {
  const graph = imagePart(model.graph!)
  const quantised = quantisers(graph)
  const activations = new Set(requiredInputs(graph).map(({ name }) => name))
  const layers: LayerInfo[] = []
  for (const node of graph.node) {
    if (answersNoPixels.has(node.opType) || !tensorsReadBy(node).some((name) => activations.has(name)))
      continue
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
  // Most networks are spared the search for blocks when they start.
  if (!graph.node.some((node) => isAttention(node, activations))) return layers
  const byName = new Map(layers.map((layer) => [layer.name, layer]))
  const path = pathToDefault(graph, layers)
  const narrow = narrowLayers(graph, path, facts, layers)
  for (const [block, name] of transformerBlocks(graph, path, narrow).entries()) {
    byName.get(name)!.block = block
  }
  return layers
}

/**
 * Adds `shape`, `share`, `endsStage` and `prefixTokens` to each layer.
 *
 * @param facts from `inferTensors`, for the dimensions of the images
 * @param arrangements of the same model, for the same dimensions
 */
export function measureLayers(
  model: ModelProto,
  layers: LayerInfo[],
  facts: Map<string, TensorInfo>,
  arrangements: Arrangements,
): LayerInfo[] {
  const shares = workShares(model.graph!, facts)
  const ends = stageEnds(model.graph!, facts, layers, arrangements)
  return layers.map((layer) => {
    const shape = facts.get(layer.name)?.dims?.slice(1)
    const share = shares.get(layer.name)
    const isKnown = shape?.every((size) => size !== undefined)
    const prefixTokens = shape?.length === 2 ? arrangements.of(layer.name).prefixTokens : undefined
    return {
      ...layer,
      ...(isKnown && { shape: shape as number[], endsStage: ends.has(layer.name) }),
      ...(share !== undefined && { share }),
      ...(prefixTokens !== undefined && { prefixTokens }),
    }
  })
}

/** The nodes of the path to the default layer. */
function pathToDefault(graph: GraphProto, layers: LayerInfo[]): NodeProto[] {
  const target = layers.find(({ isDefault }) => isDefault)
  return target ? cutGraph(graph, [target.name]).node : []
}

/**
 * The layers on a path that all later ones are computed from. Averages of a map that bypass the following layers, as in features
 * combined from several stages, do not count as a way around.
 */
function narrowLayers(
  graph: GraphProto,
  path: NodeProto[],
  facts: Map<string, TensorInfo>,
  layers: LayerInfo[],
): Bottleneck[] {
  const names = new Set(layers.map(({ name }) => name))
  return bottlenecks(graph, path, (name) => names.has(name), isRowIn(facts))
}

/**
 * Names of the layers that end a stage: the default layer, and in each tower of the network the last map of each size among
 * the maps before it that all paths to later maps pass through. Of a transformer the outputs of its blocks.
 */
function stageEnds(
  graph: GraphProto,
  facts: Map<string, TensorInfo>,
  layers: LayerInfo[],
  arrangements: Arrangements,
): Set<string> {
  const ends = layers.filter(({ isDefault, block }) => isDefault || block !== undefined)
  const stages = new Map<string, string>()
  if (ends.every(({ block }) => block === undefined)) {
    for (const [i, tower] of towersOf(pathToDefault(graph, layers), isRowIn(facts)).entries()) {
      for (const { name } of narrowLayers(graph, tower, facts, layers)) {
        const dims = facts.get(name)?.dims
        if (dims?.length !== 4) continue
        const size = arrangements.of(name).channelAxis === 3 ? dims.slice(1, 3) : dims.slice(2)
        stages.set([i, ...size].join(), name)
      }
    }
  }
  return new Set([...stages.values(), ...ends.map(({ name }) => name)])
}

/** Tells whether a tensor has one value per channel. */
function isRowIn(facts: Map<string, TensorInfo>): (name: string) => boolean {
  return (name) => {
    const dims = facts.get(name)?.dims
    return dims?.length === 2 || (dims?.length === 4 && dims[2] === 1 && dims[3] === 1)
  }
}

/**
 * Resolves a layer named by the user: a tensor, a node (its first output), a transformer block (`block 3`, counted from
 * 0), a PyTorch module (`layer3`: the last tensor of the nodes inside it), or a position from the end (`-1` is
 * the last layer).
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
    layers.find(({ block }) => block !== undefined && name === `block ${block}`) ??
    layers.findLast((layer) => isBelow(layer.node, name) || isBelow(layer.name, name)) ??
    // PyTorch writes the path of a module with dots, its exporter the folders of the path with slashes.
    layers.findLast((layer) => isBelow(withDots(layer.node), name) || isBelow(withDots(layer.name), name))
  if (found) return found
  const names = layers.flatMap((layer) => [layer.name, layer.node, ...layer.node.split('/').slice(0, -1)])
  const near = closestName(
    name,
    names.filter((one) => one !== ''),
    5,
  )
  const message = /^-?\d+$/.test(name)
    ? `the model has ${layers.length} layers, -1 to -${layers.length}`
    : `the closest names are ${near.map(show).join(', ')}`
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

function withDots(path: string): string {
  return path.replaceAll('/', '.')
}

/** Whether `name` is `module` or inside it: `/layer3/layer3.0/conv1/Conv` is inside `layer3` and `layer3.0`. */
function isBelow(name: string, module: string): boolean {
  const path = module.replace(/^\/|\/$/g, '')
  if (path === '') return false
  for (let at = name.indexOf(path); at >= 0; at = name.indexOf(path, at + 1)) {
    const starts = at === 0 || name[at - 1] === '/' || (at === 1 && name[0] === '.')
    const next = name[at + path.length]
    if (starts && (next === undefined || next === '/' || next === '.' || next === '_' || next === ':'))
      return true
  }
  return false
}
