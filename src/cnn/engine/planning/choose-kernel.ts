import { type Convolution, linear } from '../lowering/operations.ts'
import type { KernelFacts } from '../wasm/instance.ts'
import { roundUp } from './maps.ts'

/** The kernel that computes a convolution; 'winograd4' and 'winograd2' are one with tiles of 4 x 4 and 2 x 2 pixels. */
export type ConvolutionKernel = 'dense' | 'depthwise' | 'winograd4' | 'winograd2'

/** Side of the tiles of a Winograd kernel, in pixels; 0 for the other kernels. */
export function winogradSide(kernel: ConvolutionKernel): number {
  if (kernel === 'winograd4') return 4
  return kernel === 'winograd2' ? 2 : 0
}

/**
 * Selects the fastest kernel. The choice depends only on the shape, so that an image gets bit-identical
 * results in every batch.
 */
export function chooseKernel(convolution: Convolution, facts: KernelFacts): ConvolutionKernel {
  const { groups, bias, input, kernel, strides, dilations, output } = convolution
  const { channels } = input.shape
  if (groups > 1 && groups === channels && bias.length === channels) return 'depthwise'
  if (channels === 1 && bias.length === 1 && groups === 1) return 'depthwise'
  const isPlain = groups === 1 && kernel.join() === '3,3' && [...strides, ...dilations].every((n) => n === 1)
  if (!isPlain || channels % 4 !== 0) return 'dense'
  const filters = roundUp(bias.length, facts.narrow)
  const { height, width } = output.shape
  // Estimated cycles: 7 multiply-adds per cycle and 8 bytes of weights per cycle. The cost of the transforms, per
  // number of a tile, was measured.
  const product = (rows: number, weights: number) => {
    return weights * channels * filters * (roundUp(rows, 2) / 7 + 4 / 8)
  }
  const winograd = (side: number) => {
    const tiles = Math.ceil(height / side) * Math.ceil(width / side)
    const planes = (side + 2) ** 2
    return product(tiles, planes) + tiles * planes * (0.8 * channels + 0.5 * filters)
  }
  const costs: [ConvolutionKernel, number][] = [
    ['dense', product(height * width, 9)],
    ['winograd4', winograd(4)],
    ['winograd2', winograd(2)],
  ]
  return costs.reduce((least, one) => (one[1] < least[1] ? one : least))[0]
}

/** Whether an activation is more than a clamp. */
export function isCurved({ activation }: { activation: typeof linear }): boolean {
  return activation.kind !== linear.kind
}
