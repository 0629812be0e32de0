import { TimeSlice } from '../../../engine/wasm/time-slice.ts'
import { lengthOf } from '../lowering/operations.ts'
import { roundUp } from '../planning/maps.ts'
import type { Simd } from '../wasm/cnn-module.ts'
import { type Instance, instantiate } from '../wasm/instance.ts'
import { joinMemory, sharedMemory } from '../wasm/shared-instance.ts'
import type { ClassifierSource } from './lower-classifier.ts'
import { hasSliceThreads, SliceThreads } from './slice-threads.ts'
import type { PackJob, SliceJob } from './slice-work.ts'
import { packWeights, planTraining, runSlice, SLICE_PICTURES, type TrainingPlan } from './training-plan.ts'

/** Jobs among which the weights are shared out to be packed: some for each thread, so that all end at about the same time. */
const PACK_JOBS = 8

/** Where things lie in the memory of a training, behind the weights and the buffers of this thread. */
interface Layout {
  /** The gradients of the batch. */
  totals: number
  /** The values of each parameter, for the other threads; with one thread there are none. */
  values: number[]
  /** The gradients of each slice of one call of `run`; with one thread there are none. */
  slots: number[]
  /** The sums and buffers of the other threads. */
  places: number[]
  bytes: number
}

/** Options of a `TrainingNetwork`. */
export interface TrainingNetworkOptions {
  /** Default `'strict'`. */
  simd?: Simd
  /** Most threads, including this one: fewer where memory cannot be shared, or not as much as they need. Default 1. */
  threads?: number
}

/**
 * The step of a training in the engine: the forward and the backward pass of a classifier with a softmax cross-entropy.
 *
 * A batch is run in slices of a few images, on any number of threads; the gradients of the slices are added in order.
 */
export class TrainingNetwork {
  readonly #source: ClassifierSource
  readonly #planned: TrainingPlan
  readonly #instance: Instance
  readonly #layout: Layout
  readonly #threads: SliceThreads | undefined
  /** Whether the weights of the batch are packed. */
  #isPacked = false

  private constructor(
    source: ClassifierSource,
    planned: TrainingPlan,
    instance: Instance,
    layout: Layout,
    threads: SliceThreads | undefined,
  ) {
    this.#source = source
    this.#planned = planned
    this.#instance = instance
    this.#layout = layout
    this.#threads = threads
  }

  /**
   * @param source its batch is the most images that one call of `run` takes
   * @throws {NotForEngine} if the engine cannot train the classifier
   * @throws {SoftmarginError} `OUT_OF_MEMORY`, `HOST_UNSUPPORTED`, `MODEL_UNREADABLE`
   */
  static async create(
    source: ClassifierSource,
    { simd = 'strict', threads = 1 }: TrainingNetworkOptions = {},
  ): Promise<TrainingNetwork> {
    const planned = await planTraining(source, simd)
    const { plan } = planned
    const slices = Math.ceil(source.inputs[0].dims[0] / SLICE_PICTURES)
    let others = hasSliceThreads() ? Math.min(threads, slices) - 1 : 0
    for (; others > 0; others >>= 1) {
      const layout = layOut(planned, source, slices, others)
      const memory = sharedMemory(layout.bytes)
      if (!memory) continue
      const instance = await joinMemory(memory, simd)
      plan.write(instance)
      const { fixedBytes } = plan
      const places = layout.places.map((at) => ({ memory, at, fixedBytes, simd }))
      const sliceThreads = new SliceThreads(source, layout.values, places)
      return new TrainingNetwork(source, planned, instance, layout, sliceThreads)
    }
    const layout = layOut(planned, source, 0, 0)
    const instance = await instantiate(layout.bytes, simd)
    plan.write(instance)
    return new TrainingNetwork(source, planned, instance, layout, undefined)
  }

  /** Number of classes. */
  get classes(): number {
    return lengthOf(this.#planned.plan.outputs[0].map.layout.shape)
  }

  /** Begins a batch, of the values that the parameters have when its first images are run. */
  begin(): void {
    this.#isPacked = false
    this.#sums(this.#layout.totals).fill(0)
  }

  /**
   * Adds the gradients of the loss of some images, sum(-targets * log softmax(logits)).
   *
   * @param inputs values of the classifier's inputs, [count, ...]
   * @param targets [count, classes]; they add up to 1 for each image
   * @returns the logits [count, classes]
   * @throws {SoftmarginError} `ABORTED`; then the batch has to begin again
   */
  async run(
    inputs: readonly Float32Array[],
    targets: Float32Array,
    count: number,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const { classes } = this
    const { ports, plan } = this.#planned
    const logits = new Float32Array(count * classes)
    const put = (found: Float32Array, { from }: SliceJob) => logits.set(found, from * classes)
    const jobs: SliceJob[] = []
    for (let from = 0; from < count; from += SLICE_PICTURES) {
      const to = Math.min(count, from + SLICE_PICTURES)
      const [own, [ownTargets]] = [inputs, [targets]].map((tensors, group) =>
        tensors.map((tensor, i) => {
          const length = lengthOf(ports[group * inputs.length + i].map.layout.shape)
          return tensor.slice(from * length, to * length)
        }),
      )
      const slot = this.#layout.slots[jobs.length] ?? plan.sums.address
      jobs.push({ type: 'slice', inputs: own, targets: ownTargets, count: to - from, from, slot })
    }
    const here = (job: SliceJob) => runSlice(this.#planned, this.#instance, job)
    const timeSlice = new TimeSlice(signal)
    await this.#pack(timeSlice)
    if (this.#threads) {
      const keep = (job: SliceJob) => {
        const found = here(job)
        this.#sums(job.slot).set(this.#sums(plan.sums.address))
        return found
      }
      await this.#threads.run(jobs, timeSlice, keep, put)
      for (const { slot } of jobs) this.#addSums(slot)
    } else {
      for (const job of jobs) {
        put(here(job), job)
        this.#addSums(job.slot)
      }
    }
    return logits
  }

  /** Writes the gradients since `begin`, times a factor, to the parameters, whose gradients are zero before. */
  end(factor: number): void {
    const { plan, weights } = this.#planned
    const distance = this.#layout.totals - plan.sums.address
    for (const one of weights) one.collect(this.#instance, distance, plan.fixedBytes, factor)
  }

  /** Gives the threads back. */
  release(): void {
    this.#threads?.close()
  }

  /** Packs the values of the parameters, once a batch. */
  async #pack(timeSlice: TimeSlice): Promise<void> {
    if (this.#isPacked) return
    if (this.#threads) {
      for (const [i, { values }] of this.#source.parameters.entries()) {
        new Float32Array(this.#instance.memory, this.#layout.values[i], values.length).set(values)
      }
      const jobs = Array.from({ length: PACK_JOBS }, (_, i): PackJob => {
        return { type: 'pack', share: { from: i / PACK_JOBS, to: (i + 1) / PACK_JOBS } }
      })
      const here = ({ share }: PackJob) => {
        packWeights(this.#planned, this.#instance, share)
        return new Float32Array(0)
      }
      await this.#threads.run(jobs, timeSlice, here, () => {})
    } else packWeights(this.#planned, this.#instance)
    this.#isPacked = true
  }

  #addSums(from: number): void {
    // Regions of sums consist of whole vectors.
    this.#instance.kernels.addNumbers(from, this.#planned.plan.sums.bytes / 4, this.#layout.totals)
  }

  #sums(address: number): Float32Array {
    return new Float32Array(this.#instance.memory, address, this.#planned.plan.sums.bytes / 4)
  }
}

/** @param slices number of slots, and `others` of threads besides this one */
function layOut(
  { plan }: TrainingPlan,
  { parameters }: ClassifierSource,
  slices: number,
  others: number,
): Layout {
  let end = roundUp(Math.max(plan.bytes, plan.writingBytes), 64)
  const take = (bytes: number) => {
    const address = end
    end = roundUp(end + bytes, 64)
    return address
  }
  const { bytes } = plan.sums
  const totals = take(bytes)
  const slots = Array.from({ length: slices }, () => take(bytes))
  const place = Math.max(plan.bytes, plan.writingBytes) - plan.fixedBytes
  const places = Array.from({ length: others }, () => take(place))
  const values = others > 0 ? parameters.map(({ values: numbers }) => take(4 * numbers.length)) : []
  return { totals, values, slots, places, bytes: end }
}
