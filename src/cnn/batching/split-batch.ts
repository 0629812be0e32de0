// Batches that cannot be run as they are: one that has failed, and the first of a network that may not treat images apart.
// Loaded with the first of these.

import type { Activation } from '../running-network.ts'
import { Batch, type BatchedNetwork } from './batch.ts'
import type { ImageCall } from './image-call.ts'
import { runBatch } from './run-batch.ts'

/** By how much the results of an image alone and in a batch may differ on a GPU, which rounds differently by batch size. */
const GPU_TOLERANCE = 1e-3

/** Runs the first and the last image of a batch alone. @returns whether they have the same results in the batch */
export async function treatsApart(
  network: BatchedNetwork,
  batch: Batch,
  activations: readonly Activation[],
): Promise<boolean> {
  const tolerance = network.session.device === 'wasm' ? 0 : GPU_TOLERANCE
  let isSame = true
  for (const index of [0, batch.count - 1]) {
    const alone = await runBatch(network, single(batch, index), {
      isWanted: () => batch.pendingCalls.length > 0,
    })
    isSame &&= alone.every((own, i) => isSameImage(own, activations[i], index, tolerance))
  }
  return isSame
}

/** A new batch with one image of a batch. */
function single(whole: Batch, place: number): Batch {
  const batch = new Batch(whole.length)
  batch.slot().set(whole.image(place))
  let at = place
  for (const { call, index, count } of whole.ranges) {
    if (at < count) {
      batch.add(call, index + at)
      break
    }
    at -= count
  }
  return batch
}

/** Splits a batch into one batch per call. */
export function byCall(whole: Batch): Batch[] {
  const parts = new Map<ImageCall, Batch>()
  let at = 0
  for (const { call, index, count } of whole.ranges) {
    const part = parts.get(call) ?? new Batch(whole.length)
    parts.set(call, part)
    for (let i = 0; i < count; i++, at++) {
      part.slot().set(whole.image(at))
      part.add(call, index + i)
    }
  }
  return [...parts.values()]
}

/** Splits a batch into one batch per image. */
export function singles(whole: Batch): Batch[] {
  return Array.from({ length: whole.count }, (_, i) => single(whole, i))
}

/**
 * Whether the single image of one activation equals the image at `index` of another, within a relative
 * tolerance.
 */
function isSameImage(alone: Activation, together: Activation, index: number, tolerance: number): boolean {
  const length = alone.data.length / alone.dims[0]
  const offset = index * length
  let largest = 0
  let difference = 0
  for (let i = 0; i < length; i++) {
    const [a, b] = [alone.data[i], together.data[offset + i]]
    if (Object.is(a, b)) continue
    largest = Math.max(largest, Math.abs(a), Math.abs(b))
    difference = Math.max(difference, Math.abs(a - b))
  }
  // With a tolerance of 0, -0 equals 0, but NaN equals only NaN.
  return difference <= tolerance * largest
}
