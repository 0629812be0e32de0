import { addToRanges, Batch, type BatchRules, type ImageRange } from './batch.ts'
import type { ImageCall, SentImage } from './image-call.ts'
import type { Lane, LaneResult } from './image-threads.ts'
import type { LazyImageThreads } from './lazy-image-threads.ts'
import { nextCall } from './turns.ts'

/** Bytes of decoded images, made or being made by other threads, above which these get no more to decode. */
const MAX_DECODED_BYTES = 2 ** 26

/**
 * Gives the images of calls to other threads, once there is enough work, and takes their results.
 *
 * The threads get images that are opened, and give back rows of features, or decoded images for this thread to run if the
 * network runs here alone.
 */
export class HelpingThreads {
  readonly #threads: LazyImageThreads
  readonly #calls: ImageCall[]
  readonly #rules: BatchRules
  readonly #toRun: Batch[]
  readonly #startUp: number
  /** Number of images that the threads are working on. */
  #sent = 0
  /** What this thread has done: for how long, how many images, and for how long others had to wait. */
  #milliseconds = 0
  #images = 0
  #held = 0

  /**
   * @param startUp milliseconds of work that pay for starting the threads
   * @param calls the calls in progress, which the queue changes
   * @param toRun the batches that this thread is to run; those that other threads have decoded are added
   */
  constructor(
    threads: LazyImageThreads,
    rules: BatchRules,
    startUp: number,
    calls: ImageCall[],
    toRun: Batch[],
  ) {
    this.#threads = threads
    this.#calls = calls
    this.#rules = rules
    this.#toRun = toRun
    this.#startUp = startUp
  }

  /** Number of images that no thread has taken yet. */
  get #left(): number {
    return this.#calls.reduce((sum, call) => sum + call.left, 0)
  }

  /** Notes how long a piece of this thread's work took, and how many images it finished. */
  note(milliseconds: number, images: number): void {
    this.#milliseconds += milliseconds
    this.#images += images
    if (this.#left > 0) this.#held += milliseconds
  }

  /** Gives work to the threads, if there is enough of it. */
  start(): void {
    const left = this.#left
    // Until it is known whether the result of an image depends on its batch, this thread alone runs batches to test it.
    if (!this.#threads.canStart || this.#rules.isIndependent === undefined || left < 2) return
    // Starting them would have been worth it, or will be for the images that are left.
    const work = this.#held + (this.#images && (left * this.#milliseconds) / this.#images)
    if (work <= this.#startUp && !this.#threads.isPrepared) return
    this.#threads.start(() => this.#feed())
    this.#feed()
  }

  /** Keeps threads that only decode busy while this one runs the network. */
  feed(): void {
    if (this.#threads.onlyDecodes) this.#feed()
  }

  release(): void {
    this.#threads.release()
  }

  /**
   * How many images a thread takes at a time: half of an equal part of those left, so that jobs become smaller towards the
   * end and all threads end at about the same time. This thread alone takes as many as fit in a batch.
   *
   * @param call of which an image is among them
   * @param taken number of images that it has taken of those already
   */
  jobSize(call: ImageCall, taken: number): number {
    const most = this.#rules.maxBatchSize(call)
    const { length } = this.#threads.lanes
    return length === 0 ? most : Math.min(most, Math.ceil((taken + this.#left) / (2 + 2 * length)))
  }

  /** Fills the queues of the threads. */
  #feed(): void {
    const { lanes, onlyDecodes } = this.#threads
    for (const call of this.#calls) call.threads = 1 + lanes.length
    for (const lane of lanes) {
      while (lane.hasRoom && this.#left >= 2) {
        // Images that wait for this thread to run the network only fill the memory.
        const waiting = this.#toRun.reduce((sum, { count }) => sum + count, this.#sent)
        if (onlyDecodes && waiting * this.#rules.length * 4 > MAX_DECODED_BYTES) return
        const images = this.#take()
        if (images.length === 0) return
        this.#send(lane, images).catch(() => {})
      }
    }
  }

  /** Takes images of the calls in turn. */
  #take(): SentImage[] {
    const images: SentImage[] = []
    for (;;) {
      const call = nextCall(this.#calls, (one) => {
        const isMixed = images.length > 0 && images[0].call !== one
        const most = this.jobSize(one, images.length)
        return one.maySend && images.length < most && (this.#rules.mayMix || !isMixed)
      })
      if (!call) return images
      const image = call.takeNext()
      if (image) images.push(image)
    }
  }

  async #send(lane: Lane, images: SentImage[]): Promise<void> {
    this.#sent += images.length
    try {
      this.#deliver(images, await lane.run(images), lane)
    } catch {
      // The thread is lost, or the network fails: this thread repeats it, and tells the reason if it fails again.
      for (const image of images) image.call.giveBack([image])
    } finally {
      this.#sent -= images.length
    }
    for (const call of new Set(images.map((image) => image.call))) call.reportProgress()
    if (this.#calls.every((call) => call.isSettled)) this.release()
    else this.#feed()
    for (const call of this.#calls) call.wake()
  }

  /** Hands the rows that a thread has computed to their calls, or queues the images that it has decoded. */
  #deliver(images: readonly SentImage[], { errors, rows, tensors }: LaneResult, lane: Lane): void {
    if (tensors && images.some(({ call }) => !call.isSettled))
      this.#toRun.push(this.#decodedBatch(images, errors, tensors, lane))
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

  /** The batch of the images that a thread has decoded. */
  #decodedBatch(
    images: readonly SentImage[],
    errors: ReadonlyMap<number, unknown>,
    tensors: Float32Array,
    lane: Lane,
  ): Batch {
    const batch = new Batch(this.#rules.length, tensors)
    for (const [place, { call, index }] of images.entries()) {
      if (errors.has(place)) continue
      batch.add(call, index)
      call.noteDecoded(index, lane)
    }
    return batch
  }
}
