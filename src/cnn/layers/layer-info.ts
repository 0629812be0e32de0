/** A tensor of the network that can serve as features. */
export interface LayerInfo {
  /** Name of the tensor, as accepted by the option `layer`. */
  name: string
  /** Name of the node that computes it; empty if the file does not name its nodes. */
  node: string
  /** ONNX operator of the node: `'Conv'`, `'Relu'`, ... */
  operator: string
  /**
   * Output shape for one image of the extractor's input size, without the batch dimension: [channels, height,
   * width] for a feature map. Absent if it is only known after running the network.
   */
  shape?: number[] | undefined
  /**
   * Fraction of the network's multiply-adds needed to compute this layer, including all layers it depends on,
   * 0 to 1. Absent if a shape is unknown.
   */
  share?: number | undefined
  /**
   * Whether the layer ends a stage: the last feature map of its height and width from which every later map
   * is computed. In a transformer the output of each block. The default layer counts as well. Absent if
   * shapes are unknown. `chooseLayer` tries these layers.
   */
  endsStage?: boolean | undefined
  /** The transformer block whose output this is, counted from 0. The option `layer` takes it as `'block 3'`. */
  block?: number | undefined
  /**
   * Number of class and register tokens that come before the patch tokens, for layers of tokens; see the option
   * `prefixTokens`.
   */
  prefixTokens?: number | undefined
  /** Whether this layer is used if none is specified. */
  isDefault: boolean
  /** Why it is the default layer. */
  reason?: string | undefined
}

/** Size in bytes of the largest activation of one image up to these layers; `undefined` if a shape is unknown. */
export function largestLayer(layers: readonly LayerInfo[], names: readonly string[]): number | undefined {
  const last = Math.max(...names.map((name) => layers.findIndex((layer) => layer.name === name)))
  const sizes = layers.slice(0, last + 1).map(({ shape }) => shape?.reduce((all, size) => all * size, 4))
  return sizes.includes(undefined) ? undefined : Math.max(...(sizes as number[]))
}
