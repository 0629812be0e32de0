import { SoftmarginError } from '../../core/errors.ts'
import type { Activation } from '../running-network.ts'
import { Batch, type BatchedNetwork, BatchRules } from './batch.ts'
import { HelpingThreads } from './helping-threads.ts'
import type { ImageCall } from './image-call.ts'
import type { LazyImageThreads } from './lazy-image-threads.ts'
import { runBatch } from './run-batch.ts'
import { nextCall, type PiecewiseWork, takeTurns } from './turns.ts'

/** Time slice for decoding, in milliseconds, after which control returns to the event loop. */
const SLICE_MS = 16
/** Milliseconds of work that pay for starting the other threads. */
const START_MS = 150
/** The same for onnxruntime-web, of which each thread first compiles 14 MB. */
const ONNXRUNTIME_START_MS = 1000

/**
 * Combines the images of all concurrent calls on one network into batches.
 *
 * Calls contribute one image each in round-robin order, so that a long call does not delay short ones. One
 * piece of work is either the decoding of some images or a single run of the network.
 *
 * Other threads are called to help once there is enough work. This thread works on the images as well.
 */
export class BatchQueue implements PiecewiseWork {
  readonly #network: BatchedNetwork
  /** Calls in progress; the first one is served next. */
  readonly #calls: ImageCall[] = []
  readonly #rules: BatchRules
  readonly #threads: HelpingThreads
  /** The batch that this thread is decoding images into. */
  #filling: Batch | undefined
  /** Parts of a split batch, each to be run separately, and batches that other threads have decoded. */
  readonly #parts: Batch[] = []
  /** A batch that was run and whose results are still to be compared with runs of single images. */
  #unchecked: { batch: Batch; activations: Activation[] } | undefined
  /** The run in progress while the next batch is prepared. It never rejects. */
  #inFlight: Promise<void> | undefined
  /** The buffer of an earlier batch, for the next one. */
  #spare: Float32Array | undefined

  constructor(network: BatchedNetwork, threads: LazyImageThreads) {
    this.#network = network
    this.#rules = new BatchRules(network)
    const isOnnxRuntime = network.session.runtime.name === 'onnxruntime'
    const startUp = isOnnxRuntime ? ONNXRUNTIME_START_MS : START_MS
    this.#threads = new HelpingThreads(threads, this.#rules, startUp, this.#calls, this.#parts)
  }

  /** Processes a call, together with concurrent ones. @returns when the call has ended */
  async run(call: ImageCall): Promise<void> {
    this.#calls.push(call)
    try {
      await takeTurns(this, call)
    } catch (error) {
      // A piece of work failed; without its end the call would be worked on in later calls.
      call.fail(error)
    }
    if (this.isOver) this.#threads.release()
  }

  get isOver(): boolean {
    return this.#calls.every((call) => call.isSettled)
  }

  reset(): void {
    this.#calls.length = 0
    this.#filling = undefined
    this.#parts.length = 0
    this.#unchecked = undefined
    this.#spare = undefined
  }

  async doPiece(): Promise<boolean> {
    keepOnly(this.#calls, (call) => !call.isSettled)
    if (this.#unchecked) return this.#checkIndependence(this.#unchecked)
    keepOnly(this.#parts, (part) => part.pendingCalls.length > 0)
    if (this.#parts.length > 0) {
      this.#threads.feed()
      // A batch that this thread has begun holds earlier images than the parts, and progress is reported in the order of
      // the images, so it runs first.
      const begun = this.#filling?.pendingCalls.length ? this.#filling : undefined
      this.#filling = undefined
      return this.#start(begun ?? this.#parts.shift()!)
    }
    this.#threads.start()
    const before = performance.now()
    const batch = await this.#fill()
    const isDone = typeof batch === 'boolean' ? batch : await this.#start(batch)
    const ran = typeof batch === 'boolean' ? 0 : batch.count
    if (isDone) this.#threads.note(performance.now() - before, ran)
    return isDone
  }

  /** Decodes images into the current batch. @returns a complete batch, or whether any work was done */
  async #fill(): Promise<Batch | boolean> {
    if (this.#filling?.pendingCalls.length === 0) this.#filling = undefined
    const batch = this.#filling ?? new Batch(this.#rules.length, this.#takeSpare())
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
    const only = this.#rules.mayMix ? undefined : batch.pendingCalls[0]
    return nextCall(this.#calls, (call) => {
      return call.isReady && (only ?? call) === call && batch.count < this.#rules.maxBatchSize(call)
    })
  }

  #isFull(batch: Batch): boolean {
    return batch.pendingCalls.some((call) => batch.count >= this.#threads.jobSize(call, batch.count))
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
      const activations = await this.#activations(batch, batch)
      if (batch.count > 1 && this.#rules.isIndependent === undefined) this.#unchecked = { batch, activations }
      else this.#deliver(batch, activations)
    } catch (error) {
      await this.#failed(batch, error)
    } finally {
      for (const call of this.#calls) call.wake()
    }
  }

  /** Runs a batch as long as a call waits for the batch `of`. */
  #activations(batch: Batch, of: Batch): Promise<Activation[]> {
    return runBatch(this.#network, batch, { isWanted: () => of.pendingCalls.length > 0 })
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
  async #failed(batch: Batch, error: unknown): Promise<void> {
    const calls = batch.pendingCalls
    if (calls.length <= 1 || (error instanceof SoftmarginError && error.code === 'DISPOSED')) {
      for (const call of calls) call.fail(error)
      return
    }
    this.#rules.mayMix = false
    try {
      const { byCall } = await import('./split-batch.ts')
      this.#parts.push(...byCall(batch))
    } catch {
      // Without the code to split it.
      for (const call of calls) call.fail(error)
    }
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
      const { singles, treatsApart } = await import('./split-batch.ts')
      const isSame = await treatsApart(this.#network, batch, activations)
      this.#rules.isIndependent = isSame
      if (isSame) this.#deliver(batch, activations)
      else this.#parts.push(...singles(batch))
    } catch (error) {
      await this.#failed(batch, error)
    }
    return true
  }

  #takeSpare(): Float32Array | undefined {
    const spare = this.#spare
    this.#spare = undefined
    return spare
  }
}

/** Removes the other items of a list, which others hold too. */
function keepOnly<T>(list: T[], isKept: (item: T) => boolean): void {
  list.splice(0, list.length, ...list.filter(isKept))
}
