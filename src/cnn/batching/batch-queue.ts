import { SoftmarginError } from '../../core/errors.ts'
import { outputSize } from '../../image/preprocess.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { tensorLength } from '../../image/tensor.ts'
import type { ImageTensorInput } from '../image-tensor-input.ts'
import { checkRows } from '../pool.ts'
import type { Network as RunningNetwork } from '../runtime.ts'
import type { Activation } from '../session.ts'
import { Batch } from './batch.ts'
import type { Tap } from './feature-rows.ts'
import type { ImageCall } from './image-call.ts'
import { type PiecewiseWork, takeTurns } from './turns.ts'

/** Milliseconds of decoding after which the event loop has its turn. */
const SLICE = 16

/** A network that is ready for images. */
export interface Network {
  /** Its outputs are the taps' layers. */
  session: RunningNetwork
  port: ImageTensorInput
  preprocess: ResolvedPreprocess
  taps: Tap[]
  /** Whether each image is known to be computed by itself, whatever the others of its batch are. */
  isIndependent: boolean
}

/**
 * Gathers the images of all calls on one network into batches.
 *
 * Calls take turns, an image each, so that a long one does not hold up short ones. A piece of its work is the decoding
 * of some images or one run of the network, never more.
 */
export class BatchQueue implements PiecewiseWork {
  readonly #network: Network
  readonly #length: number
  /** Those that have not ended; the one that is served next stands first. */
  #calls: ImageCall[] = []
  #filling: Batch | undefined
  /** Parts of batches that have to be run by themselves. */
  #parts: Batch[] = []
  /** A batch that was run, and is yet to be compared with its images run alone. */
  #unproven: { batch: Batch; activations: Activation[] } | undefined
  /** A run that goes on while the next batch is prepared. It never rejects. */
  #inFlight: Promise<void> | undefined
  #spare: Float32Array | undefined
  /** Whether what an image is answered depends on that image alone; `undefined` until it was tried. */
  #isIndependent: boolean | undefined
  /** Whether images of several calls may be in one batch. */
  #mayMix = true

  constructor(network: Network) {
    this.#network = network
    this.#length = tensorLength(network.preprocess)
    // A batch of one image cannot be anything else.
    this.#isIndependent = network.isIndependent || undefined
  }

  /** Does the work of a call, and that of others beside it. @returns when the call has ended */
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

  /** Decodes images. @returns a batch that is complete, or whether anything was done */
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

  /** The call whose image comes next into a batch. */
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

  /** How many images may be in a batch that a call is part of. */
  #roomFor(call: ImageCall): number {
    if (this.#isIndependent === false) return 1
    return this.#network.port.batch ?? call.batchSize
  }

  /** Whether a batch waits for the files of its only call. One of several calls is not held up by files. */
  #isAwaited(members: ImageCall[]): boolean {
    return members.length === 1 && members[0].hasMore
  }

  async #start(batch: Batch): Promise<true> {
    await this.#inFlight
    const run = this.#run(batch)
    // WebAssembly has the thread; a GPU leaves it to the images of the next batch.
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
    // A model with a fixed batch gets it full.
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

  /** A call must not fail for what others bring: each is tried by itself. */
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
   * Runs the first and the last image of a batch alone. Networks that are quantised as they run, for one, answer other
   * numbers then; their images are run one by one from now on, so that no answer depends on what else is asked.
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

/** Whether the first image of one answer has the numbers that an image of another one has. */
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
  // Without a tolerance -0 is 0, but NaN is nothing else than NaN.
  return difference <= tolerance * largest
}
