// Regions of packed weights, in the orders in which the kernels read them.

import type { Convolution } from '../lowering/operations.ts'
import type { Kernels } from '../wasm/cnn-exports.ts'
import type { KernelConstants } from '../wasm/instance.ts'
import type { MemoryPlan } from './buffer-plan.ts'
import type { WinogradForm } from './choose-kernel.ts'
import { roundUp } from './maps.ts'

/** Number of filters with those that fill the last panel. */
export function paddedFilters(filters: number, { narrow }: KernelConstants): number {
  return roundUp(filters, narrow)
}

/** Weights and factors of a convolution in the staging memory, where kernels pack them from. */
interface Staged {
  weights: number
  /** Address of the factors; 0 if there are none. */
  scales: number
  /** Address of what is left of the staging memory. */
  rest: number
}

function stagedBytes({ input, groups, kernel, bias, halves, staged }: Convolution): number {
  const weights = bias.length * (input.shape.channels / groups) * kernel[0] * kernel[1]
  return roundUp(staged?.bytes ?? 4 * (weights + bias.length) + (halves ? 2 * weights : 0), 16)
}

function stage(
  { weights, halves, scale, staged }: Convolution,
  memory: ArrayBuffer,
  staging: number,
  kernels: Kernels,
): Staged {
  if (staged) {
    staged.write(memory, staging, kernels)
    return { weights: staging, scales: 0, rest: staging + roundUp(staged.bytes, 16) }
  }
  let end = staging
  const put = (numbers: Float32Array) => {
    new Float32Array(memory, end, numbers.length).set(numbers)
    end += 4 * numbers.length
  }
  if (halves) {
    const count = halves.length / 2
    end += 4 * count
    const behind = end + 4 * (scale?.length ?? 0)
    new Uint8Array(memory, behind, halves.length).set(halves)
    kernels.unpackHalves(behind, count, staging)
  } else put(weights())
  const scales = scale ? end : 0
  if (scale) put(scale)
  return { weights: staging, scales, rest: roundUp(end, 16) }
}

/** Weights for `dense`: [groups][panels][taps][channels per group][panel's filters], zero-padded. Returns the address. */
export function addDenseWeights(convolution: Convolution, facts: KernelConstants, plan: MemoryPlan): number {
  const { groups, kernel, input, bias } = convolution
  const channels = input.shape.channels / groups
  const taps = kernel[0] * kernel[1]
  const filters = bias.length / groups
  const length = paddedFilters(filters, facts) * taps * channels
  plan.stage(stagedBytes(convolution))
  return plan.fix(
    4 * groups * length,
    (memory, address, staging, kernels) => {
      const { weights, scales } = stage(convolution, memory, staging, kernels)
      for (let group = 0; group < groups; group++) {
        const from = weights + 4 * group * filters * taps * channels
        const factors = scales && scales + 4 * group * filters
        kernels.packPanels(from, filters, channels, taps, factors, address + 4 * group * length)
      }
    },
    convolution.isMutable,
  )
}

/** Weights for `depthwise`: [taps][channels], with `stride` values per tap. Returns the address. */
export function addDepthwiseWeights(convolution: Convolution, stride: number, plan: MemoryPlan): number {
  const { kernel, bias, scale } = convolution
  const taps = kernel[0] * kernel[1]
  return plan.floats(
    taps * stride,
    (to) => {
      const weights = convolution.weights()
      for (let c = 0; c < bias.length; c++) {
        const factor = scale ? scale[c] : 1
        for (let tap = 0; tap < taps; tap++) to[tap * stride + c] = weights[c * taps + tap] * factor
      }
    },
    convolution.isMutable,
  )
}

/** Weights of 3 x 3 for `winograd` to transform: [panels][channels][9][panel's filters]. Returns the address. */
export function addUntransformedWeights(
  convolution: Convolution,
  facts: KernelConstants,
  plan: MemoryPlan,
): number {
  const { input, bias } = convolution
  const { channels } = input.shape
  plan.stage(stagedBytes(convolution))
  return plan.fix(
    36 * channels * paddedFilters(bias.length, facts),
    (memory, address, staging, kernels) => {
      const { weights, scales } = stage(convolution, memory, staging, kernels)
      kernels.packUntransformed(weights, bias.length, channels, scales, address)
    },
    convolution.isMutable,
  )
}

/** Transformed weights for `winograd`: [panels][planes][channels][panel's filters]. Returns the address. */
export function addWinogradWeights(
  convolution: Convolution,
  { form, weightPlanes }: WinogradForm,
  facts: KernelConstants,
  plan: MemoryPlan,
): number {
  const { input, bias } = convolution
  const { channels } = input.shape
  const length = channels * paddedFilters(bias.length, facts)
  plan.stage(stagedBytes(convolution) + 36 * length)
  return plan.fix(
    weightPlanes * (4 * length + Math.ceil(bias.length / facts.wide) * facts.winogradPlaneGap),
    (memory, address, staging, kernels) => {
      const { weights, scales, rest } = stage(convolution, memory, staging, kernels)
      kernels.packWinograd(form, weights, bias.length, channels, scales, rest, address)
    },
    convolution.isMutable,
  )
}
