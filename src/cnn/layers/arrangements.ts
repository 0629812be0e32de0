import { tensorsReadBy, topologicalOrder } from '../../onnx/graph/graph.ts'
import type { GraphProto, ModelProto } from '../../onnx/proto/onnx.ts'
import { channelAxes } from '../../onnx/shapes/channel-axes.ts'
import type { TensorInfo } from '../../onnx/shapes/tensor-info.ts'
import type { Arrangement, GridSize } from '../spatial-view.ts'
import { firstTokens } from './first-tokens.ts'

/** Maximum number of class and register tokens that is recognized; DINOv2 has 1 + 4. */
const MAX_PREFIX_TOKENS = 16

/** A map with its height and width, and the index of the node that computes it. */
interface LastMap extends GridSize {
  at: number
}

/** The properties that are inferred for all tensors. */
interface Inferred {
  axes: Map<string, number>
  maps: Map<string, LastMap>
  /** Tensors of tokens whose first token is taken out by a node. */
  readFirst: string[]
}

/** How the layers of a model are arranged, for images of one size. */
export class Arrangements {
  /** The option `prefixTokens`. Default: the number is recognized. */
  readonly prefixTokens: number | undefined
  readonly #model: ModelProto
  readonly #facts: Map<string, TensorInfo>
  #known: Inferred | undefined

  /** @param facts from `inferTensors`, for the dimensions of the images */
  constructor(model: ModelProto, facts: Map<string, TensorInfo>, prefixTokens?: number) {
    this.#model = model
    this.#facts = facts
    this.prefixTokens = prefixTokens
  }

  /** @param shape dimensions of the layer, batch first. Default: as inferred from the graph */
  of(layer: string, shape?: readonly number[]): Arrangement {
    if (shape && shape.length !== 3 && shape.length !== 4) return {}
    const { axes } = this.#inferred
    const dims = shape ?? this.#facts.get(layer)?.dims
    const channelAxis = axes.get(layer)
    if (dims?.length !== 3) return { channelAxis }
    const found = this.#tokensOf(layer, dims)
    return { channelAxis, ...found, ...(found?.prefixTokens && { readsClassToken: this.#readsClassToken }) }
  }

  /** Whether the network takes the first token out of any of its layers that have class tokens. */
  get #readsClassToken(): boolean {
    return this.#inferred.readFirst.some(
      (name) => this.#tokensOf(name, this.#facts.get(name)?.dims)?.prefixTokens,
    )
  }

  /** Inferred on first use: networks that end in a vector never need it. */
  get #inferred(): Inferred {
    if (this.#known) return this.#known
    const graph = { ...this.#model.graph!, node: topologicalOrder(this.#model.graph!) ?? [] }
    const axes = channelAxes(graph, this.#facts)
    const readFirst = firstTokens(graph, this.#facts, axes)
    this.#known = { axes, maps: lastMaps(graph, this.#facts, axes), readFirst }
    return this.#known
  }

  #tokensOf(layer: string, dims: readonly (number | undefined)[] | undefined) {
    const tokens = dims?.[this.#inferred.axes.get(layer) === 1 ? 2 : 1]
    return tokens === undefined ? undefined : this.#patchesOf(layer, tokens)
  }

  /**
   * The grid of patches that a layer's tokens come from. The last map that the layer is computed from, which is that of
   * the patch embedding, has as many pixels as there are patch tokens; what is left of the tokens are class and register
   * tokens. Hierarchical transformers (Swin) merge k x k patches into one.
   */
  #patchesOf(layer: string, tokens: number): Pick<Arrangement, 'prefixTokens' | 'patches'> | undefined {
    const map = this.#inferred.maps.get(layer)
    const known = this.prefixTokens
    for (let merged = 1; map && merged <= Math.min(map.height, map.width); merged++) {
      if (map.height % merged !== 0 || map.width % merged !== 0) continue
      const patches = { height: map.height / merged, width: map.width / merged }
      const left = tokens - patches.height * patches.width
      if (known === undefined ? left >= 0 && left <= MAX_PREFIX_TOKENS : left === known) {
        return { prefixTokens: left, patches }
      }
    }
    return known === undefined ? undefined : { prefixTokens: known, patches: square(tokens - known) }
  }
}

/** For each tensor, the last map that it is computed from; for a map, the tensor itself. */
function lastMaps(
  { node: nodes }: GraphProto,
  facts: Map<string, TensorInfo>,
  axes: Map<string, number>,
): Map<string, LastMap> {
  const found = new Map<string, LastMap>()
  for (const [at, node] of nodes.entries()) {
    let last: LastMap | undefined
    for (const name of tensorsReadBy(node)) {
      const map = found.get(name)
      if (map && (!last || map.at > last.at)) last = map
    }
    for (const name of node.output) {
      const dims = facts.get(name)?.dims
      const [, , height, width] = dims ?? []
      const isMap = dims?.length === 4 && axes.get(name) === 1
      const own = isMap && height !== undefined && width !== undefined ? { at, height, width } : last
      if (own) found.set(name, own)
    }
  }
  return found
}

function square(count: number): GridSize | undefined {
  const side = Math.round(Math.sqrt(count))
  return side >= 1 && side * side === count ? { height: side, width: side } : undefined
}
