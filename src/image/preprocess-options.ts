/** Width and height in pixels. */
export interface Size {
  width: number
  height: number
}

/**
 * How a picture becomes a tensor, in this order: resize, centre crop, channel order, rescale, mean and std.
 *
 * Every field may be left out; the model's own value is taken then, or the default that is named here.
 */
export interface Preprocess {
  /**
   * What every picture is resized to: `n` for n x n pixels, exactly `{ width, height }`, or the shorter side to
   * `{ shortestEdge }` pixels with the picture's own proportions (needs `crop`). Default: the model's own input
   * size, or 224 if any size fits.
   */
  size?: number | Size | { shortestEdge: number } | undefined
  /** What is cut out of the middle afterwards: `n` for n x n pixels. Too small a picture gets a black border. */
  crop?: number | Size | undefined
  /** Subtracted from each channel after `rescale`, in the tensor's channel order. Default: ImageNet's. */
  mean?: readonly number[] | undefined
  /** Divides each channel after `mean`, in the tensor's channel order. Default: ImageNet's. */
  std?: readonly number[] | undefined
  /** Multiplies the bytes 0 to 255 first. Default 1 / 255. */
  rescale?: number | undefined
  /** How pixels are mixed when resizing; the first two average when shrinking, as PIL does. Default `'bilinear'`. */
  resample?: 'bilinear' | 'bicubic' | 'nearest' | undefined
  /** Channels of the tensor. Default `'rgb'`, or `'grey'` for a model with one input channel. */
  order?: 'rgb' | 'bgr' | 'grey' | undefined
}

/** A `Preprocess` with every question answered, and the size of the tensor that comes out. JSON can hold it. */
export interface ResolvedPreprocess {
  /** Left out where pictures are only cropped. */
  size?: Size | { shortestEdge: number } | undefined
  crop?: Size | undefined
  mean: number[]
  std: number[]
  rescale: number
  resample: 'bilinear' | 'bicubic' | 'nearest'
  order: 'rgb' | 'bgr' | 'grey'
}
