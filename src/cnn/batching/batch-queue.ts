import { SoftmarginError } from '../../core/errors.ts'
import { outputSize } from '../../image/preprocess.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { tensorLength } from '../../image/tensor.ts'
import type { ImageTensorInput } from '../image-tensor-input.ts'
import { checkRows } from '../pool.ts'
import type { Activation } from '../running-network.ts'
import type { Network as RunningNetwork } from '../runtime.ts'
import { Batch } from './batch.ts'
import type { Tap } from './feature-rows.ts'
import type { ImageCall } from './image-call.ts'
import { type PiecewiseWork, takeTurns } from './turns.ts'

/** Time slice for decoding, in milliseconds, after which control returns to the event loop. */
const SLICE = 16

/** A network that is ready to run, with its preprocessing and outputs. */
export interface Network {
  /** Its outputs are the layers of the taps. */
  session: RunningNetwork
  port: ImageTensorInput
  preprocess: ResolvedPreprocess
  taps: Tap[]
  /** Whether the graph guarantees that an image's result does not depend on the other images in the batch. */
  isIndependent: boolean
}

/**
 * Combines the images of all concurrent calls on one network into batches.
 *
 * Calls contribute one image each in round-robin order, so that a long call does not delay short ones. One
 * piece of work is either the decoding of some images or a single run of the network.
 */
export class BatchQueue implements PiecewiseWork {
  readonly #network: Network
  readonly #length: number
  /** Calls in progress; the first one is served next. */
  #calls: ImageCall[] = []
  #filling: Batch | undefined
  /** Parts of a split batch, each to be run separately. */
  #parts: Batch[] = []
  /** A batch that was run and whose results are still to be compared with runs of single images. */
  #unproven: { batch: Batch; activations: Activation[] } | undefined
  /** The run in progress while the next batch is prepared. It never rejects. */
  #inFlight: Promise<void> | undefined
  #spare: Float32Array | undefined
  /** Whether an image's result depends on that image alone; `undefined` until tested. */
  #isIndependent: boolean | undefined
  /** Whether a batch may hold images of several calls. */
  #mayMix = true

  constructor(network: Network) {
    this.#network = network
    this.#length = tensorLength(network.preprocess)
    // `false` only means unproven, so the first batch of several images tests it.
    this.#isIndependent = network.isIndependent || undefined
  }

  /** Processes a call, together with concurrent ones. @returns when the call has ended */
  async run(call: ImageCall): Promise<void> {
    this.#calls.push(call)
    await takeTurns(this, call)
  }

  get isOver(): boolean {
    if (!this.#calls.every((call) => call.isSettled)) return false
    this.#calls = []
    this.#filling = undefined
    this.#parts = []
    this.#unproven = undefined
    this.#spare = undefined
    return true
  }

  async doPiece(): Promise<boolean> {
    this.#calls = this.#calls.filter((call) => !call.isSettled)
    if (this.#unproven) return this.#prove(this.#unproven)
    const part = this.#parts.shift()
    if (part) return this.#start(part)
    const batch = await this.#fill()
    return typeof batch === 'boolean' ? batch : this.#start(batch)
  }

  /** Decodes images into the current batch. @returns a complete batch, or whether any work was done */
  async #fill(): Promise<Batch | boolean> {
    if (this.#filling?.members.length === 0) this.#filling = undefined
    const batch = this.#filling ?? new Batch(this.#length, this.#takeSpare())
    this.#filling = batch
    const until = performance.now() + SLICE
    let decoded = 0
    for (let call = this.#nextFor(batch); call; call = this.#nextFor(batch)) {
      if (performance.now() > until) return true
      const row = await call.decodeNext(batch.slot())
      if (row !== undefined) batch.add(call, row)
      decoded++
    }
    const members = batch.members
    if (members.length === 0 || (!this.#isFull(batch) && this.#isAwaited(members))) return decoded > 0
    for (const call of members) batch.positions.set(call, call.position)
    this.#filling = undefined
    return batch
  }

  /** The call that supplies the next image of a batch. */
  #nextFor(batch: Batch): ImageCall | undefined {
    if (this.#isFull(batch)) return undefined
    const only = this.#mayMix ? undefined : batch.members[0]
    const at = this.#calls.findIndex((call) => {
      return call.isReady && (only ?? call) === call && batch.count < this.#roomFor(call)
    })
    if (at < 0) return undefined
    const [call] = this.#calls.splice(at, 1)
    this.#calls.push(call)
    return call
  }

  #isFull(batch: Batch): boolean {
    return batch.members.some((call) => batch.count >= this.#roomFor(call))
  }

  /** Maximum size of a batch that contains images of this call. */
  #roomFor(call: ImageCall): number {
    if (this.#isIndependent === false) return 1
    return this.#network.port.batch ?? call.batchSize
  }

  /** Whether a batch should wait for its call's next files. A batch shared by several calls never waits. */
  #isAwaited(members: ImageCall[]): boolean {
    return members.length === 1 && members[0].hasMore
  }

  async #start(batch: Batch): Promise<true> {
    await this.#inFlight
    const run = this.#run(batch)
    // WebAssembly blocks this thread; a GPU run leaves it free to prepare the next batch.
    if (this.#network.session.device === 'wasm') await run
    else this.#inFlight = run
    return true
  }

  async #run(batch: Batch): Promise<void> {
    try {
      const activations = await this.#activationsOf(batch)
      if (batch.count > 1 && this.#isIndependent === undefined) this.#unproven = { batch, activations }
      else this.#deliver(batch, activations)
    } catch (error) {
      this.#failed(batch, error)
    } finally {
      for (const call of this.#calls) call.wake()
    }
  }

  async #activationsOf(batch: Batch): Promise<Activation[]> {
    const { session, port, preprocess, taps } = this.#network
    const { width, height } = outputSize(preprocess)
    // A model with a fixed batch size needs a full batch, padded with zeros.
    const size = port.batch ?? batch.count
    batch.reserve(size)
    const numbers = batch.data.subarray(0, size * this.#length)
    numbers.fill(0, batch.count * this.#length)
    const outputs = await session.run(port.name, numbers, [size, preprocess.mean.length, height, width])
    return taps.map(({ layer, shape }) => {
      const activation = outputs.get(layer)!
      checkRows(activation, layer, size, shape)
      return activation
    })
  }

  #deliver(batch: Batch, activations: Activation[]): void {
    let at = 0
    for (const { call, row, count } of batch.shares) {
      call.deliver(activations, at, count, row)
      at += count
    }
    for (const [call, position] of batch.positions) call.tell(position)
    this.#spare = batch.data
  }

  /**
   * One call's images must not make another call fail, so a failed batch is retried separately for each call.
   */
  #failed(batch: Batch, error: unknown): void {
    const { members } = batch
    if (members.length <= 1 || (error instanceof SoftmarginError && error.code === 'DISPOSED')) {
      for (const call of members) call.fail(error)
      return
    }
    this.#mayMix = false
    this.#parts.push(...batch.byCall())
  }

  /**
   * Runs the first and the last image of a batch alone and compares the results. Some networks, such as
   * dynamically quantized ones, give different results for an image alone. Their images are then run one by
   * one, so that no result depends on concurrent images.
   */
  async #prove({ batch, activations }: { batch: Batch; activations: Activation[] }): Promise<true> {
    this.#unproven = undefined
    try {
      const tolerance = this.#network.session.device === 'wasm' ? 0 : 1e-3
      let isSame = true
      for (const index of [0, batch.count - 1]) {
        const alone = await this.#activationsOf(batch.single(index))
        isSame &&= alone.every((own, i) => isSameImage(own, activations[i], index, tolerance))
      }
      this.#isIndependent = isSame
      if (isSame) this.#deliver(batch, activations)
      else this.#parts.push(...batch.singles())
    } catch (error) {
      this.#failed(batch, error)
    }
    return true
  }

  #takeSpare(): Float32Array | undefined {
    const spare = this.#spare
    this.#spare = undefined
    return spare
  }
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
