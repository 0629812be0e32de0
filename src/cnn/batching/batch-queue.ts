import { SoftmarginError } from '../../core/errors.ts'
import { tensorLength } from '../../image/tensor.ts'
import type { Activation } from '../running-network.ts'
import { addToRanges, Batch, type ImageRange } from './batch.ts'
import type { ImageCall, SentImage } from './image-call.ts'
import type { Lane, LaneResult } from './image-threads.ts'
import type { LazyImageThreads } from './lazy-image-threads.ts'
import { Load } from './load.ts'
import { type NetworkToRun, runBatch } from './run-batch.ts'
import { isSameImage } from './same-image.ts'
import { type PiecewiseWork, takeTurns } from './turns.ts'

/** Time slice for decoding, in milliseconds, after which control returns to the event loop. */
const SLICE_MS = 16
/** Bytes of decoded images, made or being made by other threads, above which these get no more to decode. */
const MAX_DECODED_BYTES = 2 ** 26
/** Milliseconds of work that pay for starting the other threads. */
const START_MS = 150
/** The same for onnxruntime-web, of which each thread first compiles 14 MB. */
const ONNXRUNTIME_START_MS = 1000
/** By how much the results of an image alone and in a batch may differ on a GPU, which rounds differently by batch size. */
const GPU_TOLERANCE = 1e-3

/** A network and what is known of it. */
export interface BatchedNetwork extends NetworkToRun {
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
 * features, or decoded images for this thread to run if the network runs here alone. This thread works on the images as well.
 */
export class BatchQueue implements PiecewiseWork {
  readonly #network: BatchedNetwork
  readonly #threads: LazyImageThreads
  readonly #load: Load
  /** Numbers of a preprocessed image. */
  readonly #length: number
  /** Calls in progress; the first one is served next. */
  #calls: ImageCall[] = []
  /** The batch that this thread is decoding images into. */
  #filling: Batch | undefined
  /** Parts of a split batch, each to be run separately, and batches that other threads have decoded. */
  #parts: Batch[] = []
  /** A batch that was run and whose results are still to be compared with runs of single images. */
  #unchecked: { batch: Batch; activations: Activation[] } | undefined
  /** The run in progress while the next batch is prepared. It never rejects. */
  #inFlight: Promise<void> | undefined
  /** The buffer of an earlier batch, for the next one. */
  #spare: Float32Array | undefined
  /** Number of images that other threads are working on. */
  #sent = 0
  /** Whether an image's result depends on that image alone; `undefined` until tested. */
  #isIndependent: boolean | undefined
  /** Whether a batch may hold images of several calls. */
  #mayMix = true

  constructor(network: BatchedNetwork, threads: LazyImageThreads) {
    this.#network = network
    this.#threads = threads
    const isOnnxRuntime = network.session.runtime.name === 'onnxruntime'
    this.#load = new Load(isOnnxRuntime ? ONNXRUNTIME_START_MS : START_MS)
    this.#length = tensorLength(network.preprocess)
    // `false` only means unproven, so the first batch of several images tests it.
    this.#isIndependent = network.isIndependent || undefined
  }

  /** Processes a call, together with concurrent ones. @returns when the call has ended */
  async run(call: ImageCall): Promise<void> {
    this.#calls.push(call)
    await takeTurns(this, call)
    if (this.isOver) this.#threads.release()
  }

  get isOver(): boolean {
    return this.#calls.every((call) => call.isSettled)
  }

  reset(): void {
    this.#calls = []
    this.#filling = undefined
    this.#parts = []
    this.#unchecked = undefined
    this.#spare = undefined
  }

  async doPiece(): Promise<boolean> {
    this.#calls = this.#calls.filter((call) => !call.isSettled)
    if (this.#unchecked) return this.#checkIndependence(this.#unchecked)
    this.#parts = this.#parts.filter((part) => part.pendingCalls.length > 0)
    if (this.#parts.length > 0) {
      // Keeps the other threads decoding while this one runs the network.
      if (this.#threads.onlyDecodes) this.#feed()
      // A batch that this thread has begun holds earlier images than the parts, and progress is reported in the order of
      // the images, so it runs first.
      const begun = this.#filling?.pendingCalls.length ? this.#filling : undefined
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
    // Until it is known whether the result of an image depends on its batch, this thread alone runs batches to test it.
    if (!threads.canStart || this.#isIndependent === undefined || this.#left < 2) return
    if (!threads.isPrepared && !this.#load.isWorthThreads(this.#left)) return
    threads.start(() => this.#feed())
    this.#feed()
  }

  /** Fills the queues of the other threads. */
  #feed(): void {
    const { lanes, onlyDecodes } = this.#threads
    for (const call of this.#calls) call.threads = 1 + lanes.length
    for (const lane of lanes) {
      while (lane.hasRoom && this.#left >= 2) {
        // Images that wait for this thread to run the network only fill the memory.
        if (onlyDecodes && this.#decodedBytes > MAX_DECODED_BYTES) return
        const images = this.#takeForOthers(lanes.length)
        if (images.length === 0) return
        this.#send(lane, images).catch(() => {})
      }
    }
  }

  get #decodedBytes(): number {
    const waiting = this.#parts.reduce((sum, { count }) => sum + count, 0)
    return (this.#sent + waiting) * this.#length * 4
  }

  /** Takes images of the calls in turn. */
  #takeForOthers(lanes: number): SentImage[] {
    const images: SentImage[] = []
    for (;;) {
      const call = this.#nextCall((one) => {
        const isMixed = images.length > 0 && images[0].call !== one
        const most = Math.min(this.#maxBatchSize(one), jobSize(images.length + this.#left, lanes))
        return one.maySend && images.length < most && (this.#mayMix || !isMixed)
      })
      if (!call) return images
      const image = call.takeNext()
      if (image) images.push(image)
    }
  }

  async #send(lane: Lane, images: SentImage[]): Promise<void> {
    this.#sent += images.length
    try {
      this.#deliverResult(images, await lane.run(images), lane)
    } catch {
      // The thread is lost, or the network fails: this thread repeats it, and tells the reason if it fails again.
      for (const image of images) image.call.giveBack([image])
    } finally {
      this.#sent -= images.length
    }
    for (const call of new Set(images.map((image) => image.call))) call.reportProgress()
    if (this.isOver) this.#threads.release()
    else this.#feed()
    for (const call of this.#calls) call.wake()
  }

  /** Hands the rows that another thread has computed to their calls, or queues the images that it has decoded. */
  #deliverResult(images: readonly SentImage[], { errors, rows, tensors }: LaneResult, lane: Lane): void {
    if (tensors && images.some(({ call }) => !call.isSettled))
      this.#parts.push(this.#decodedBatch(images, errors, tensors, lane))
    const ranges: ImageRange[] = []
    for (const [place, { call, index }] of images.entries()) {
      const error = errors.get(place)
      if (error) call.skip(index, error)
      else if (!tensors) addToRanges(ranges, call, index)
    }
    let at = 0
    for (const { call, index, count } of ranges) {
      call.deliverPooled(rows, at, count, index, lane)
      at += count
    }
  }

  /** The batch of the images that another thread has decoded. */
  #decodedBatch(
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
    if (this.#filling?.pendingCalls.length === 0) this.#filling = undefined
    const batch = this.#filling ?? new Batch(this.#length, this.#takeSpare())
    this.#filling = batch
    const until = performance.now() + SLICE_MS
    let decoded = 0
    for (let call = this.#nextFor(batch); call; call = this.#nextFor(batch)) {
      if (performance.now() > until) return true
      const index = await call.decodeNext(batch.slot())
      if (index !== undefined) batch.add(call, index)
      decoded++
    }
    const calls = batch.pendingCalls
    if (calls.length === 0 || (!this.#isFull(batch) && this.#hasMoreFiles(calls))) return decoded > 0
    this.#filling = undefined
    return batch
  }

  /** The call that supplies the next image of a batch. */
  #nextFor(batch: Batch): ImageCall | undefined {
    if (this.#isFull(batch)) return undefined
    const only = this.#mayMix ? undefined : batch.pendingCalls[0]
    return this.#nextCall((call) => {
      return call.isReady && (only ?? call) === call && batch.count < this.#maxBatchSize(call)
    })
  }

  /** Moves the first eligible call to the end, so that calls take turns. @returns this call */
  #nextCall(isEligible: (call: ImageCall) => boolean): ImageCall | undefined {
    const at = this.#calls.findIndex(isEligible)
    if (at < 0) return undefined
    const [call] = this.#calls.splice(at, 1)
    this.#calls.push(call)
    return call
  }

  #isFull(batch: Batch): boolean {
    const lanes = this.#threads.lanes.length
    // Smaller batches towards the end let this thread end at about the same time as the others.
    const most = lanes === 0 ? Number.POSITIVE_INFINITY : jobSize(batch.count + this.#left, lanes)
    return batch.pendingCalls.some((call) => batch.count >= Math.min(most, this.#maxBatchSize(call)))
  }

  /** Maximum size of a batch that contains images of this call. */
  #maxBatchSize(call: ImageCall): number {
    if (this.#isIndependent === false) return 1
    return this.#network.port.batch ?? call.batchSize
  }

  /** Whether a batch should wait for its call's next files. A batch of several calls never waits. */
  #hasMoreFiles(calls: ImageCall[]): boolean {
    return calls.length === 1 && calls[0].left > 0
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
    for (const { call, index, count } of batch.ranges) {
      call.deliver(activations, at, count, index)
      at += count
    }
    for (const call of batch.pendingCalls) call.reportProgress()
    this.#spare = batch.data
  }

  /**
   * One call's images must not make another call fail, so a failed batch is retried separately for each call.
   */
  #failed(batch: Batch, error: unknown): void {
    const calls = batch.pendingCalls
    if (calls.length <= 1 || (error instanceof SoftmarginError && error.code === 'DISPOSED')) {
      for (const call of calls) call.fail(error)
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
      const tolerance = this.#network.session.device === 'wasm' ? 0 : GPU_TOLERANCE
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

/**
 * How many images a thread takes at a time: half of an equal part of those left, so that jobs become smaller towards the
 * end and all threads end at about the same time.
 */
function jobSize(left: number, otherThreads: number): number {
  return Math.max(1, Math.ceil(left / (2 * (1 + otherThreads))))
}
