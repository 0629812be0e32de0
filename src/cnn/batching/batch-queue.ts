import { SoftmarginError } from '../../core/errors.ts'
import { tensorLength } from '../../image/tensor.ts'
import type { Activation } from '../running-network.ts'
import { addShare, Batch, type Share } from './batch.ts'
import type { ImageCall, SentImage } from './image-call.ts'
import type { Lane } from './image-threads.ts'
import { Load } from './load.ts'
import { type NetworkToRun, runBatch } from './run-batch.ts'
import { isSameImage } from './same-image.ts'
import type { ThreadsForImages } from './threads-for-images.ts'
import { type PiecewiseWork, takeTurns } from './turns.ts'

/** Time slice for decoding, in milliseconds, after which control returns to the event loop. */
const SLICE = 16
/** Bytes of prepared images, made or being made by other threads, above which these get no more to prepare. */
const MOST_PREPARED = 2 ** 26

/** A network and what is known of it. */
export interface Network extends NetworkToRun {
  /** Whether the graph guarantees that an image's result does not depend on the other images in the batch. */
  isIndependent: boolean
}

/**
 * Combines the images of all concurrent calls on one network into batches.
 *
 * Calls contribute one image each in round-robin order, so that a long call does not delay short ones. One
 * piece of work is either the decoding of some images or a single run of the network.
 *
 * Other threads are called to help once there is enough work. They get images that are opened, and give back rows of
 * features, or batches for this thread to run if the network runs here alone; this thread takes its share of the images.
 */
export class BatchQueue implements PiecewiseWork {
  readonly #network: Network
  readonly #threads: ThreadsForImages
  readonly #load: Load
  readonly #length: number
  /** Calls in progress; the first one is served next. */
  #calls: ImageCall[] = []
  #filling: Batch | undefined
  /** Parts of a split batch, each to be run separately, and batches that other threads have prepared. */
  #parts: Batch[] = []
  /** A batch that was run and whose results are still to be compared with runs of single images. */
  #unchecked: { batch: Batch; activations: Activation[] } | undefined
  /** The run in progress while the next batch is prepared. It never rejects. */
  #inFlight: Promise<void> | undefined
  #spare: Float32Array | undefined
  /** Number of images that other threads are working on. */
  #sent = 0
  /** Whether an image's result depends on that image alone; `undefined` until tested. */
  #isIndependent: boolean | undefined
  /** Whether a batch may hold images of several calls. */
  #mayMix = true

  constructor(network: Network, threads: ThreadsForImages) {
    this.#network = network
    this.#threads = threads
    // A session of onnxruntime-web in another thread compiles 14 MB first.
    this.#load = new Load(network.session.runtime.name === 'onnxruntime' ? 1000 : 150)
    this.#length = tensorLength(network.preprocess)
    // `false` only means unproven, so the first batch of several images tests it.
    this.#isIndependent = network.isIndependent || undefined
  }

  /** Processes a call, together with concurrent ones. @returns when the call has ended */
  async run(call: ImageCall): Promise<void> {
    this.#calls.push(call)
    await takeTurns(this, call)
    if (this.#calls.every((one) => one.isSettled)) this.#threads.rest()
  }

  get isOver(): boolean {
    if (!this.#calls.every((call) => call.isSettled)) return false
    this.#calls = []
    this.#filling = undefined
    this.#parts = []
    this.#unchecked = undefined
    this.#spare = undefined
    return true
  }

  async doPiece(): Promise<boolean> {
    this.#calls = this.#calls.filter((call) => !call.isSettled)
    if (this.#unchecked) return this.#checkIndependence(this.#unchecked)
    this.#parts = this.#parts.filter((part) => part.members.length > 0)
    if (this.#parts.length > 0) {
      if (this.#threads.isPreparingOnly) this.#feed()
      // Images in a batch that this thread has begun are earlier ones, whose progress must not wait for all others.
      const begun = this.#filling?.members.length ? this.#filling : undefined
      this.#filling = undefined
      return this.#start(begun ?? this.#parts.shift()!)
    }
    this.#callThreads()
    const before = performance.now()
    const batch = await this.#fill()
    const isDone = typeof batch === 'boolean' ? batch : await this.#start(batch)
    const ran = typeof batch === 'boolean' ? 0 : batch.count
    if (isDone) this.#load.note(performance.now() - before, ran, this.#left > 0)
    return isDone
  }

  /** Number of images that no thread has taken yet. */
  get #left(): number {
    return this.#calls.reduce((sum, call) => sum + call.left, 0)
  }

  /** Gives work to the other threads, if there is enough of it. */
  #callThreads(): void {
    const threads = this.#threads
    // Until the network is known to treat images apart, this thread has to compare.
    if (!threads.isPossible || this.#isIndependent === undefined || this.#left < 2) return
    if (!threads.isPrepared && !this.#load.isWorthThreads(this.#left)) return
    threads.start(() => this.#feed())
    this.#feed()
  }

  /** Fills the queues of the other threads. */
  #feed(): void {
    const { lanes, isPreparingOnly } = this.#threads
    for (const call of this.#calls) call.threads = 1 + lanes.length
    for (const lane of lanes) {
      while (lane.hasRoom && this.#left >= 2) {
        // Threads that prepare more than this one can run would only fill the memory.
        if (isPreparingOnly && this.#preparedBytes > MOST_PREPARED) return
        const images = this.#takeForOthers(lanes.length)
        if (images.length === 0) return
        this.#send(lane, images).catch(() => {})
      }
    }
  }

  get #preparedBytes(): number {
    const waiting = this.#parts.reduce((sum, { count }) => sum + count, 0)
    return (this.#sent + waiting) * this.#length * 4
  }

  /** Takes images of the calls in turn. */
  #takeForOthers(lanes: number): SentImage[] {
    const images: SentImage[] = []
    for (;;) {
      const at = this.#calls.findIndex((call) => {
        const isMixed = images.length > 0 && images[0].call !== call
        const most = Math.min(this.#roomFor(call), shareOf(images.length + this.#left, lanes))
        return call.maySend && images.length < most && (this.#mayMix || !isMixed)
      })
      if (at < 0) return images
      const [call] = this.#calls.splice(at, 1)
      this.#calls.push(call)
      const image = call.takeNext()
      if (image) images.push(image)
    }
  }

  async #send(lane: Lane, images: SentImage[]): Promise<void> {
    this.#sent += images.length
    try {
      const { errors, rows, tensors } = await lane.run(images)
      if (tensors && images.some(({ call }) => !call.isSettled))
        this.#parts.push(this.#preparedBatch(images, errors, tensors, lane))
      const shares: Share[] = []
      for (const [place, { call, index }] of images.entries()) {
        const error = errors.get(place)
        if (error) call.skip(index, error)
        else if (!tensors) addShare(shares, call, index)
      }
      let at = 0
      for (const { call, index, count } of shares) {
        call.put(rows, at, count, index, lane)
        at += count
      }
    } catch {
      // The thread is lost, or the network fails: this thread repeats it, and tells the reason if it fails again.
      for (const image of images) image.call.giveBack([image])
    } finally {
      this.#sent -= images.length
    }
    for (const call of new Set(images.map((image) => image.call))) call.tell()
    if (this.#calls.every((call) => call.isSettled)) this.#threads.rest()
    else this.#feed()
    for (const call of this.#calls) call.wake()
  }

  /** The batch of the images that another thread has prepared. */
  #preparedBatch(
    images: readonly SentImage[],
    errors: ReadonlyMap<number, unknown>,
    tensors: Float32Array,
    lane: Lane,
  ): Batch {
    const batch = new Batch(this.#length, tensors)
    for (const [place, { call, index }] of images.entries()) {
      if (errors.has(place)) continue
      batch.add(call, index)
      call.noteDecoded(index, lane)
    }
    return batch
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
      const index = await call.decodeNext(batch.slot())
      if (index !== undefined) batch.add(call, index)
      decoded++
    }
    const members = batch.members
    if (members.length === 0 || (!this.#isFull(batch) && this.#isAwaited(members))) return decoded > 0
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
    const lanes = this.#threads.lanes.length
    // The other threads are to have done their last images when this one has.
    const most = lanes === 0 ? Number.POSITIVE_INFINITY : shareOf(batch.count + this.#left, lanes)
    return batch.members.some((call) => batch.count >= Math.min(most, this.#roomFor(call)))
  }

  /** Maximum size of a batch that contains images of this call. */
  #roomFor(call: ImageCall): number {
    if (this.#isIndependent === false) return 1
    return this.#network.port.batch ?? call.batchSize
  }

  /** Whether a batch should wait for its call's next files. A batch shared by several calls never waits. */
  #isAwaited(members: ImageCall[]): boolean {
    return members.length === 1 && members[0].left > 0
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
      const activations = await runBatch(this.#network, batch)
      if (batch.count > 1 && this.#isIndependent === undefined) this.#unchecked = { batch, activations }
      else this.#deliver(batch, activations)
    } catch (error) {
      this.#failed(batch, error)
    } finally {
      for (const call of this.#calls) call.wake()
    }
  }

  #deliver(batch: Batch, activations: Activation[]): void {
    let at = 0
    for (const { call, index, count } of batch.shares) {
      call.deliver(activations, at, count, index)
      at += count
    }
    for (const call of batch.members) call.tell()
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
  async #checkIndependence({
    batch,
    activations,
  }: {
    batch: Batch
    activations: Activation[]
  }): Promise<true> {
    this.#unchecked = undefined
    try {
      const tolerance = this.#network.session.device === 'wasm' ? 0 : 1e-3
      let isSame = true
      for (const index of [0, batch.count - 1]) {
        const alone = await runBatch(this.#network, batch.single(index))
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

/** How many images a thread takes at a time, so that all threads end at about the same time. */
function shareOf(left: number, otherThreads: number): number {
  return Math.max(1, Math.ceil(left / (2 * (1 + otherThreads))))
}
