/** A tensor of the network that can serve as features. */
export interface LayerInfo {
  /** The tensor's name, which is what `layer` takes. */
  name: string
  /** The name of the node that makes it; empty in files that do not name their nodes. */
  node: string
  /** What the node does: `'Conv'`, `'Relu'`, ... */
  operator: string
  /**
   * What it answers for one image of the size that the extractor makes, without the batch: channels, height,
   * width for a map. Left out where it can only be known by running the network.
   */
  shape?: number[] | undefined
  /**
   * The share of the network's multiply-adds that it needs, 0 to 1: what comes before it and its own. Left out
   * where a shape is not known.
   */
  share?: number | undefined
  /**
   * Whether it ends a stage: the last map of its height and width that every later map is computed from, and the
   * default layer. Left out where shapes are not known. These are the layers that `chooseLayer` tries.
   */
  endsStage?: boolean | undefined
  /** Whether this is the one taken when no layer is named. */
  isDefault: boolean
  /** Why it is the default. */
  reason?: string | undefined
}
