import { type Convolution, linear } from '../lowering/operations.ts'
import { PANEL } from './pack-weights.ts'

/** The kernel that computes a convolution. */
export type ConvolutionKernel = 'dense' | 'depthwise' | 'winograd'

/**
 * Selects the fastest kernel. The choice depends only on the shape, so that an image gets bit-identical
 * results in every batch.
 *
 * @param tilePixels number of pixels that `dense` computes at once
 */
export function chooseKernel(convolution: Convolution, tilePixels: number): ConvolutionKernel {
  const { groups, bias, input, kernel, strides, dilations, output } = convolution
  const { channels } = input.shape
  if (groups > 1 && groups === channels && bias.length === channels) return 'depthwise'
  if (channels === 1 && bias.length === 1 && groups === 1) return 'depthwise'
  const isPlain = groups === 1 && kernel.join() === '3,3' && [...strides, ...dilations].every((n) => n === 1)
  if (!isPlain || channels % 4 !== 0) return 'dense'
  const filters = Math.ceil(bias.length / PANEL) * PANEL
  const { height, width } = output.shape
  const products = channels * filters
  const tiles = Math.ceil(height / 4) * Math.ceil(width / 4)
  const rows = (count: number) => Math.ceil(count / tilePixels) * tilePixels
  // Estimated cycles: 7 multiply-adds per cycle and 8 bytes of weights per cycle. The cost of the transforms
  // was measured.
  const direct = (rows(height * width) * 9 * products) / 7 + (9 * products * 4) / 8
  const transforms = tiles * (30 * channels + 20 * filters)
  const winograd = (rows(tiles) * 36 * products) / 7 + transforms + (36 * products * 4) / 8
  return winograd < direct ? 'winograd' : 'dense'
}

/** Whether an activation is more than a clamp. */
export function isCurved({ activation }: { activation: typeof linear }): boolean {
  return activation.kind !== linear.kind
}
