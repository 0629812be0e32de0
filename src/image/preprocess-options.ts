/** Width and height in pixels. */
export interface Size {
  width: number
  height: number
}

/**
 * How an image is converted to a tensor. The steps are, in this order: resize, centre crop, channel order,
 * rescale, mean and std.
 *
 * Every field is optional. A missing field is taken from the model, or else from the default stated here.
 */
export interface Preprocess {
  /**
   * Target size of resizing: `n` for n x n pixels, exactly `{ width, height }`, or `{ shortestEdge }` to
   * resize the shorter side and keep the aspect ratio (requires `crop`). Default: the model's input size, or
   * 224 if the model accepts any size.
   */
  size?: number | Size | { shortestEdge: number } | undefined
  /** Size of the centre crop after resizing: `n` for n x n pixels. Smaller images get a black border. */
  crop?: number | Size | undefined
  /** Subtracted from each channel after `rescale`, in the tensor's channel order. Default: ImageNet mean. */
  mean?: readonly number[] | undefined
  /**
   * Divides each channel after `mean` is subtracted, in the tensor's channel order. Default: ImageNet
   * standard deviation.
   */
  std?: readonly number[] | undefined
  /** Factor applied first to the byte values 0 to 255. Default 1 / 255. */
  rescale?: number | undefined
  /**
   * Resampling filter. `'bilinear'` and `'bicubic'` antialias when shrinking, as PIL does. Default
   * `'bilinear'`.
   */
  resample?: 'bilinear' | 'bicubic' | 'nearest' | undefined
  /** Channel order of the tensor. Default `'rgb'`, or `'grey'` for a model with one input channel. */
  order?: 'rgb' | 'bgr' | 'grey' | undefined
}

/** A fully resolved, JSON-serializable `Preprocess`, which determines the size of the tensor. */
export interface ResolvedPreprocess {
  /** Absent if images are only cropped. */
  size?: Size | { shortestEdge: number } | undefined
  crop?: Size | undefined
  mean: number[]
  std: number[]
  rescale: number
  resample: 'bilinear' | 'bicubic' | 'nearest'
  order: 'rgb' | 'bgr' | 'grey'
}
