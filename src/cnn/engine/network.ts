import type { ModelProto } from 'onnx-buf'
import { SoftmarginError } from '../../core/errors.ts'
import { fuse } from './lowering/fuse.ts'
import { lower } from './lowering/lower.ts'
import type { Program } from './lowering/operations.ts'
import { makePlan, type Plan } from './planning/plan.ts'
import type { Simd } from './wasm/cnn-module.ts'
import { buildFacts, type Instance, instantiate } from './wasm/instance.ts'

/** What one tensor came out as. */
export interface Activation {
  data: Float32Array
  /** The batch first. */
  dims: readonly number[]
}

/** A network to be compiled. */
export interface NetworkSource {
  /** Float32 at both ends, as `cutAt` makes it. */
  model: ModelProto
  /** The name of its image input. */
  input: string
  /** The one batch size that the model takes, where it is fixed. */
  batch?: number | undefined
}

export interface NetworkOptions {
  /** Default `'strict'`. */
  simd?: Simd
}

/** Bytes of maps that a run may use: so many pictures go through together, for tiles of small maps are gathered. */
const MAP_BYTES = 2 ** 21
const MOST_PICTURES = 8

/**
 * A network in our own engine: a graph is lowered to operations, they are fused, laid out in memory, and become calls of
 * kernels. That is done once for each size of pictures.
 */
export class EngineNetwork {
  readonly #source: NetworkSource
  readonly #simd: Simd
  #compiled: { key: string; plan: Plan; instance: Instance } | undefined
  #isReleased = false

  private constructor(source: NetworkSource, simd: Simd) {
    this.#source = source
    this.#simd = simd
  }

  /**
   * @param dims of the pictures that are expected: batch, channels, height, width
   * @throws {NotForEngine} where the graph has what the engine does not know
   * @throws {SoftmarginError} `MODEL_UNREADABLE`, `OUT_OF_MEMORY`, `HOST_UNSUPPORTED`
   */
  static async create(
    source: NetworkSource,
    dims: readonly number[],
    { simd = 'strict' }: NetworkOptions = {},
  ): Promise<EngineNetwork> {
    const network = new EngineNetwork(source, simd)
    await network.#compile(dims)
    return network
  }

  /** Bytes of WebAssembly memory that it holds. */
  get bytes(): number {
    return this.#compiled?.instance.memory.byteLength ?? 0
  }

  /**
   * Runs a batch of any size. A picture has the same bits in every batch.
   *
   * @param batch of the length that `dims` tells, in the order of ONNX: [N, channels, height, width]
   * @param clock is told how long each step took, for profiles
   * @returns the model's outputs by name
   */
  async run(
    batch: Float32Array,
    dims: readonly number[],
    clock?: (name: string, kernel: string, milliseconds: number) => void,
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
      putPictures(plan, instance, batch.subarray(from * length, (from + pictures) * length), pictures)
      runSteps(plan, instance, pictures, clock)
      for (const [i, { data, size }] of answers.entries()) {
        takeOutput(plan, instance, i, pictures, data.subarray(from * size, (from + pictures) * size))
      }
    }
    return new Map(answers.map(({ name, data, dims: all }) => [name, { data, dims: all }]))
  }

  /** Frees the memory. */
  release(): void {
    this.#isReleased = true
    this.#compiled = undefined
  }

  async #compile(dims: readonly number[]) {
    if (this.#isReleased) throw new SoftmarginError('DISPOSED', 'the extractor was used after dispose()')
    const key = dims.slice(1).join()
    if (this.#compiled?.key === key) return this.#compiled
    const { model, input, batch } = this.#source
    const program = fuse(lower(model, input, dims, batch === undefined))
    const facts = await buildFacts(this.#simd)
    const plan = makePlan(program, { ...facts, pictures: picturesAtOnce(program, facts) })
    // The old memory goes before the new one comes.
    this.#compiled = undefined
    const instance = await instantiate(plan.bytes, this.#simd)
    plan.write(instance.memory)
    this.#compiled = { key, plan, instance }
    return this.#compiled
  }
}

/** As many pictures as have their maps in the cache together. */
function picturesAtOnce(
  program: Program,
  facts: { tilePixels: number; winogradScratchBytes: number },
): number {
  const bytes = (pictures: number) => makePlan(program, { ...facts, pictures }).bytes
  const [one, two] = [bytes(1), bytes(2)]
  return Math.max(1, Math.min(MOST_PICTURES, Math.floor(MAP_BYTES / Math.max(1, two - one))))
}

function putPictures(plan: Plan, { kernels, memory }: Instance, batch: Float32Array, pictures: number): void {
  const { map, pixels } = plan.input
  const { channels, height, width } = map.layout.shape
  const length = channels * height * width
  const staging = new Float32Array(memory, plan.planes.address, length)
  for (let picture = 0; picture < pictures; picture++) {
    staging.set(batch.subarray(picture * length, (picture + 1) * length))
    const address = map.buffer.address + picture * map.layout.pictureBytes
    kernels.fromPlanes(plan.planes.address, height * width, channels, address, pixels)
  }
}

function takeOutput(
  plan: Plan,
  { kernels, memory }: Instance,
  index: number,
  pictures: number,
  to: Float32Array,
): void {
  const { map, pixels } = plan.outputs[index]
  const { channels, height, width } = map.layout.shape
  const length = channels * height * width
  const staging = new Float32Array(memory, plan.planes.address, length)
  for (let picture = 0; picture < pictures; picture++) {
    const address = map.buffer.address + (map.isConstant ? 0 : picture * map.layout.pictureBytes)
    kernels.toPlanes(address, pixels, height * width, channels, plan.planes.address)
    to.set(staging, picture * length)
  }
}

function runSteps(
  { steps }: Plan,
  { kernels }: Instance,
  pictures: number,
  clock: ((name: string, kernel: string, milliseconds: number) => void) | undefined,
): void {
  if (!clock) {
    for (const step of steps) step.run(kernels, pictures)
    return
  }
  for (const step of steps) {
    const begun = performance.now()
    step.run(kernels, pictures)
    clock(step.name, step.kernel, performance.now() - begun)
  }
}
