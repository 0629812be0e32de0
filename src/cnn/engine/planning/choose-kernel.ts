import { type Convolution, linear } from '../lowering/operations.ts'
import type { KernelConstants } from '../wasm/instance.ts'
import { roundUp } from './maps.ts'
import { tileSides } from './winograd-tiles.ts'

/** The kernel that computes a convolution. */
export type ConvolutionKernel = 'dense' | 'depthwise' | 'stem' | keyof typeof winogradForms

/**
 * The forms of Winograd's convolution, with their codes in assembly/cnn/winograd/winograd-layer.ts: sides of their tiles in pixels,
 * planes that maps and weights are transformed to, and rows of planes of a tile that is transformed for three rows of
 * pixels (0 for forms that have no such tiles).
 */
const winogradForms = {
  winograd4: { form: 0, side: 4, planes: 36, weightPlanes: 36, rowsForThree: 5 },
  winograd2: { form: 1, side: 2, planes: 16, weightPlanes: 16, rowsForThree: 0 },
  strided4: { form: 2, side: 4, planes: 81, weightPlanes: 36, rowsForThree: 7 },
  strided2: { form: 3, side: 2, planes: 25, weightPlanes: 16, rowsForThree: 0 },
}

/** The form of a Winograd kernel. */
export type WinogradForm = (typeof winogradForms)['winograd4']

/** The form of a Winograd kernel; `undefined` for the other kernels. */
export function winogradForm(kernel: ConvolutionKernel): WinogradForm | undefined {
  return kernel in winogradForms ? winogradForms[kernel as keyof typeof winogradForms] : undefined
}

/** The kernel of a convolution whose form, whatever its size, asks for one that plain convolutions do not need. */
export function rareKernel(convolution: Convolution): 'depthwise' | 'stem' | undefined {
  const { groups, bias, input, kernel, strides, dilations, residual } = convolution
  const { channels } = input.shape
  if (groups > 1 && groups === channels && bias.length === channels) return 'depthwise'
  if (channels === 1 && bias.length === 1 && groups === 1) return 'depthwise'
  if (groups > 1 || dilations.some((n) => n > 1) || residual) return undefined
  return kernel.join() === '7,7' && strides.join() === '2,2' && channels <= 4 ? 'stem' : undefined
}

/**
 * Selects the fastest kernel. The choice depends only on the shape, so that an image gets bit-identical
 * results in every batch.
 */
export function chooseKernel(convolution: Convolution, facts: KernelConstants): ConvolutionKernel {
  const { groups, bias, input, kernel, strides, dilations, output } = convolution
  const { channels } = input.shape
  const rare = rareKernel(convolution)
  if (rare) return rare
  const stride = strides.join()
  if (groups > 1 || dilations.some((n) => n > 1)) return 'dense'
  const isPlain = kernel.join() === '3,3'
  if (!isPlain || channels % 4 !== 0 || (stride !== '1,1' && stride !== '2,2')) return 'dense'
  const filters = roundUp(bias.length, facts.narrow)
  const { height, width } = output.shape
  // Estimated cycles: 7 multiply-adds per cycle and 8 bytes of weights per cycle. The cost of the transforms, per
  // number of a tile, was measured.
  const product = (rows: number, weightPlanes: number) => {
    return channels * filters * (rows / 7 + (weightPlanes * 4) / 8)
  }
  const winograd = ({ side, planes, weightPlanes, rowsForThree }: WinogradForm) => {
    const sides = tileSides(output.shape, side, rowsForThree > 0)
    const tiles = sides[0].count * sides[1].count
    const [rows, columns] = sides.map(({ count, threes }) => {
      return (count - threes) * Math.sqrt(planes) + threes * rowsForThree
    })
    const spare = planes * (roundUp(tiles, 2) - tiles)
    return product(rows * columns + spare, weightPlanes) + rows * columns * (0.8 * channels + 0.5 * filters)
  }
  const names = stride === '1,1' ? (['winograd4', 'winograd2'] as const) : (['strided4', 'strided2'] as const)
  let least: ConvolutionKernel = 'dense'
  let cost = product(9 * roundUp(height * width, 2), 9)
  for (const name of names) {
    const own = winograd(winogradForms[name])
    if (own < cost) [least, cost] = [name, own]
  }
  return least
}

/** Whether an activation is more than a clamp. */
export function isCurved({ activation }: { activation: typeof linear }): boolean {
  return activation.kind !== linear.kind
}
