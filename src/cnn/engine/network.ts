import { SoftmarginError } from '../../core/errors.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'
import { fuse } from './lowering/fusion/fuse.ts'
import { lower } from './lowering/lower.ts'
import { imagesAtOnce } from './planning/images-at-once.ts'
import { makePlan, type Plan } from './planning/plan.ts'
import { kernelPartOf, loadRareSteps } from './planning/steps/steps.ts'
import { runPlan, type StepClock } from './run-plan.ts'
import { takeMaps } from './transfer.ts'
import type { Simd } from './wasm/cnn-module.ts'
import { type Instance, instantiate, readKernelConstants } from './wasm/instance.ts'
import type { SharedPlace } from './wasm/shared-instance.ts'

export type { StepClock } from './run-plan.ts'
export type { SharedPlace } from './wasm/shared-instance.ts'

/** An output tensor of a network. */
export interface Activation {
  data: Float32Array
  /** Batch first. */
  dims: readonly number[]
}

/** A network to compile. */
export interface NetworkSource {
  /** Model with float32 input and outputs, as `withFloat32Io` returns it. */
  model: ModelProto
  /** Name of its image input. */
  input: string
  /** Batch size, if the model fixes it. */
  batch?: number | undefined
}

/** Options of an `EngineNetwork`. */
export interface NetworkOptions {
  /** Default `'strict'`. */
  simd?: Simd
  /** Makes the network use the weights of one in another thread, for the same source and dimensions. */
  place?: SharedPlace | undefined
}

/**
 * A network in softmargin's own engine. The graph is lowered to operations, which are fused, placed in memory
 * and turned into kernel calls. This is done once per image size.
 */
export class EngineNetwork {
  readonly #source: NetworkSource
  readonly #simd: Simd
  readonly #place: SharedPlace | undefined
  #compiled: { key: string; plan: Plan; instance: Instance } | undefined
  #isReleased = false

  private constructor(source: NetworkSource, { place, simd = place?.simd ?? 'strict' }: NetworkOptions) {
    this.#source = source
    this.#simd = simd
    this.#place = place
  }

  /**
   * @param dims dimensions of the expected images: batch, channels, height, width
   * @throws {NotForEngine} if the graph has features that the engine does not support
   * @throws {SoftmarginError} `MODEL_UNREADABLE`, `OUT_OF_MEMORY`, `HOST_UNSUPPORTED`
   */
  static async create(
    source: NetworkSource,
    dims: readonly number[],
    options: NetworkOptions = {},
  ): Promise<EngineNetwork> {
    const network = new EngineNetwork(source, options)
    await network.#compile(dims)
    return network
  }

  /** WebAssembly memory in use, in bytes. */
  get bytes(): number {
    return this.#compiled?.instance.memory.byteLength ?? 0
  }

  /**
   * Runs a batch of any size. An image gets bit-identical results in every batch.
   *
   * @param batch values in ONNX order [N, channels, height, width], as many as the product of `dims`
   * @param clock called after each step with the number of images and its duration, for profiling
   * @returns the model's outputs by name
   */
  async run(
    batch: Float32Array,
    dims: readonly number[],
    clock?: StepClock,
  ): Promise<Map<string, Activation>> {
    const { plan, instance } = await this.#compile(dims)
    const [count, ...picture] = dims
    const length = picture.reduce((all, n) => all * n, 1)
    const answers = plan.outputs.map(({ name, dims: own }) => {
      const size = own.reduce((all, n) => all * n, 1)
      return { name, size, dims: [count, ...own], data: new Float32Array(count * size) }
    })
    for (let from = 0; from < count; from += plan.pictures) {
      const pictures = Math.min(plan.pictures, count - from)
      runPlan(plan, instance, batch.subarray(from * length, (from + pictures) * length), pictures, clock)
      for (const [i, { data, size }] of answers.entries()) {
        takeMaps(
          instance,
          plan.planes.address,
          plan.outputs[i],
          data.subarray(from * size, (from + pictures) * size),
        )
      }
    }
    return new Map(answers.map(({ name, data, dims: all }) => [name, { data, dims: all }]))
  }

  /**
   * Moves the network into a memory that other threads can share.
   *
   * @param count how many other threads are wanted
   * @returns places for as many of them as there is memory for; the network stays where it is if for none
   */
  async share(count: number): Promise<SharedPlace[]> {
    const { key, plan, instance } = this.#current()
    const { shareInstance } = await import('./wasm/shared-instance.ts')
    const shared = await shareInstance(plan, count, this.#simd)
    if (!shared) return []
    // The extractor may have been disposed of meanwhile.
    this.#current()
    new Uint8Array(shared.instance.memory).set(new Uint8Array(instance.memory, 0, plan.fixedBytes))
    this.#compiled = { key, plan, instance: shared.instance }
    return shared.places
  }

  /** Frees the memory. */
  release(): void {
    this.#isReleased = true
    this.#compiled = undefined
  }

  #current() {
    if (this.#compiled && !this.#isReleased) return this.#compiled
    throw new SoftmarginError('DISPOSED', 'the extractor was used after dispose()')
  }

  async #compile(dims: readonly number[]) {
    if (this.#isReleased) this.#current()
    const key = dims.slice(1).join()
    if (this.#compiled?.key === key) return this.#compiled
    const { model, input, batch } = this.#source
    const program = await fuse(await lower(model, input, dims, batch === undefined))
    const part = kernelPartOf(program)
    const facts = await readKernelConstants(this.#simd, part)
    const rare = await loadRareSteps(program, facts)
    const place = this.#place
    const plan = makePlan(program, {
      facts,
      rare,
      ...imagesAtOnce(program, facts, rare),
      buffersAt: place?.at,
    })
    // Drop the old memory before allocating the new one.
    this.#compiled = undefined
    if (place) {
      if (plan.fixedBytes !== place.fixedBytes) throw new Error('the plan of the other thread is another one')
      const { joinMemory } = await import('./wasm/shared-instance.ts')
      this.#compiled = { key, plan, instance: await joinMemory(place.memory, this.#simd) }
      return this.#compiled
    }
    const instance = await instantiate(Math.max(plan.bytes, plan.writingBytes), this.#simd, part)
    plan.write(instance)
    this.#compiled = { key, plan, instance }
    return this.#compiled
  }
}
