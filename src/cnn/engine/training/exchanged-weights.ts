import type { Convolution } from '../lowering/operations.ts'

/**
 * The weights of the convolution that computes the gradient of another one's input: inputs and outputs are exchanged,
 * [filters][channels][taps] become [channels][filters][taps] in each group.
 *
 * @param isTurned whether they are turned by 180 degrees, too, so that the taps are in reverse
 */
export function exchangedWeights(
  { bias, groups, input, kernel, weights, scale }: Convolution,
  isTurned: boolean,
): Pick<Convolution, 'weights' | 'scale' | 'staged'> {
  const filters = bias.length / groups
  const channels = input.shape.channels / groups
  const taps = kernel[0] * kernel[1]
  const length = filters * channels * taps
  // A filter for each channel: nothing is exchanged.
  const alone = () => {
    const numbers = weights()
    return isTurned ? numbers.map((_, i) => numbers[i - (i % taps) + taps - 1 - (i % taps)]) : numbers
  }
  return {
    weights: alone,
    scale: filters * channels === 1 ? scale : undefined,
    staged: {
      bytes: 4 * (2 * groups * length + (scale?.length ?? 0)),
      write: (memory, address, kernels) => {
        const from = address + 4 * groups * length
        new Float32Array(memory, from, groups * length).set(weights())
        const scales = from + 4 * groups * length
        if (scale) new Float32Array(memory, scales, scale.length).set(scale)
        for (let group = 0; group < groups; group++) {
          const at = 4 * group * length
          const factors = scale ? scales + 4 * group * filters : 0
          kernels.exchangeWeights(from + at, filters, channels, taps, factors, isTurned ? 1 : 0, address + at)
        }
      },
    },
  }
}
