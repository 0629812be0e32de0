// The work of a thread on a training: it packs some of the weights, and computes the gradients of slices, which it leaves in
// the memory that it shares with its owner.

import type { ThreadWork } from '../../../engine/wasm/job.ts'
import { type CustomAsset, type CustomAssetName, useAssets } from '../../../host/assets.ts'
import { ModelProtoSchema } from '../../../onnx/proto/onnx.ts'
import { fromBinary } from '../../../onnx/proto/read-message.ts'
import type { SharedPlace } from '../network.ts'
import { joinMemory } from '../wasm/shared-instance.ts'
import { packWeights, planTraining, runSlice, type Slice } from './training-plan.ts'

/** The data with which a thread is prepared for its jobs. */
export interface SliceContext {
  place: SharedPlace
  /** The classifier, without the parameters' values. */
  model: Uint8Array
  inputs: { name: string; dims: readonly number[] }[]
  /** With the addresses of their values. */
  parameters: { name: string; dims: readonly number[]; address: number }[]
  /** The files that the application supplied with `useAssets`. */
  assets: { [Name in CustomAssetName]?: CustomAsset }
}

/** A share of the weights to be packed: see `packWeights`. */
export interface PackJob {
  type: 'pack'
  share: { from: number; to: number }
}

/** A slice, and where its gradients are written. */
export interface SliceJob extends Slice {
  type: 'slice'
  /** Position of its first image in the batch. */
  from: number
  /** Address in the shared memory. */
  slot: number
}

export const sliceWork: ThreadWork<SliceContext, PackJob | SliceJob, Float32Array> = {
  async open({ place, model: bytes, inputs, parameters: given, assets }) {
    useAssets(assets)
    const { memory, at, fixedBytes, simd } = place
    const model = fromBinary(ModelProtoSchema, bytes)
    // The owner reads the gradients; none is written here.
    const gradient = new Float32Array(0)
    const parameters = given.map(({ name, dims, address }) => {
      const length = dims.reduce((all, n) => all * n, 1)
      return { name, dims, values: new Float32Array(memory.buffer, address, length), gradient }
    })
    const planned = await planTraining({ model, inputs, parameters }, simd, at)
    const { plan } = planned
    if (plan.fixedBytes !== fixedBytes) throw new Error('the plan of the other thread is another one')
    const instance = await joinMemory(memory, simd)
    return {
      run: async (job) => {
        if (job.type === 'pack') {
          packWeights(planned, instance, job.share, at)
          return new Float32Array(0)
        }
        const logits = runSlice(planned, instance, job)
        const { address, bytes: size } = plan.sums
        new Uint8Array(instance.memory).copyWithin(job.slot, address, address + size)
        return logits
      },
    }
  },
}
