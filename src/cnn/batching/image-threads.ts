import {
  type PoolThread,
  QUEUE_LENGTH,
  TAKEN_BACK,
  type ThreadContext,
} from '../../engine/wasm/pool-thread.ts'
import { customAssets } from '../../host/assets.ts'
import { deserializeError } from '../../host/serialize-error.ts'
import type { SharedPlace } from '../engine/network.ts'
import type { NetworkCopy, SharedNetwork } from '../network-copy.ts'
import type { SentImage } from './image-call.ts'
import { nameOf } from './image-reader.ts'
import { toSend } from './image-transfer.ts'
import type { ImageContext, ImageJob, ImageJobResult } from './image-work.ts'
import type { NetworkToRun } from './run-batch.ts'
import { assemble, dismiss } from './thread-crew.ts'

/** What a thread found: an `ImageJobResult` with errors that can be thrown. */
export type LaneResult = Omit<ImageJobResult, 'errors'> & { errors: Map<number, unknown> }

/** A thread that is ready to run images of one network. */
export class Lane {
  readonly #context: ThreadContext
  #jobs = 0

  constructor(context: ThreadContext) {
    this.#context = context
  }

  /** Whether the thread has ended. */
  get isLost(): boolean {
    return this.#context.thread.failed
  }

  /** Whether another job can be queued. */
  get hasRoom(): boolean {
    return !this.isLost && this.#jobs < QUEUE_LENGTH
  }

  get isIdle(): boolean {
    return this.#jobs === 0
  }

  /** Rejects if the thread is lost, or if the job as a whole fails. */
  async run(images: readonly SentImage[]): Promise<LaneResult> {
    const context = this.#context
    const { opened, transfer } = toSend(images.map((image) => image.opened))
    const job: ImageJob = {
      images: images.map(({ index }, i) => ({ opened: opened[i], argument: nameOf(index) })),
    }
    this.#jobs++
    try {
      const answer = await context.thread.run(context, job, transfer)
      if (answer === TAKEN_BACK) throw new Error('the lane was closed')
      const result = answer as ImageJobResult
      const errors = new Map([...result.errors].map(([place, error]) => [place, deserializeError(error)]))
      return { ...result, errors }
    } finally {
      this.#jobs--
    }
  }

  /** Ends its jobs and frees its copy of the network. */
  close(): void {
    const { thread } = this.#context
    const close = () => thread.close(this.#context)
    thread
      .abort(this.#context)
      .then(close)
      .catch(() => {})
  }
}

/** A copy of a shared network, and the thread that uses it. */
interface Taken {
  place: SharedPlace | undefined
  thread: PoolThread | undefined
}

/** The other threads that run one network, or only decode and resize images for it if it cannot be copied. */
export class ImageThreads {
  readonly #network: NetworkToRun
  readonly #dims: readonly number[]
  readonly #count: number
  readonly #lanes = new Map<PoolThread, Lane>()
  #shared: { network: SharedNetwork | undefined; places: Taken[] } | undefined
  /** The threads in use; empty while there is no work for them. */
  #crew: PoolThread[] = []
  #isAtWork = false
  #isClosed = false
  #preparing: Promise<void> | undefined

  /**
   * @param dims dimensions of the smallest batch that the network accepts
   * @param count how many other threads are to work on images
   */
  constructor(network: NetworkToRun, dims: readonly number[], count: number) {
    this.#network = network
    this.#dims = dims
    this.#count = count
  }

  /** Whether other threads can be used at all. */
  get canStart(): boolean {
    return this.#count > 0 && !this.#isClosed
  }

  /** Whether threads have been prepared before and are available at once. */
  get isPrepared(): boolean {
    return this.#lanes.size > 0
  }

  /** The threads that are in use and ready. */
  get lanes(): Lane[] {
    return this.#crew.flatMap((thread) => {
      const lane = thread.failed ? undefined : this.#lanes.get(thread)
      return lane ? [lane] : []
    })
  }

  /** Starts using the threads. @param onReady called whenever one is ready */
  start(onReady: () => void): void {
    if (this.#isAtWork || !this.canStart) return
    this.#isAtWork = true
    this.#crew = assemble(this.#count, this.#network.session.runtime.name === 'onnxruntime' ? 'full' : 'lite')
    this.#preparing ??= this.#prepare(onReady)
      .catch(() => {
        // No other thread is available, so this one continues alone.
        this.#isClosed = true
      })
      .finally(() => {
        this.#preparing = undefined
      })
  }

  /** @throws if no thread can be prepared */
  async #prepare(onReady: () => void): Promise<void> {
    const missing = this.#crew.filter((thread) => !thread.failed && !this.#lanes.has(thread))
    if (missing.length === 0) return
    this.#shared ??= await this.#share()
    const { network, places } = this.#shared
    // The copy of a lost thread can be used by another one.
    for (const one of places) if (one.thread?.failed) one.thread = undefined
    const parts = network?.parts()
    const { port, preprocess, taps, views } = this.#network
    const prepare = async (thread: PoolThread, taken: Taken) => {
      taken.thread = thread
      const copy: NetworkCopy | undefined = parts && { ...parts, place: taken.place }
      const data = { copy, port, preprocess, taps, views, dims: this.#dims, assets: customAssets() }
      const { context, opened } = thread.open('images', data satisfies ImageContext)
      const lane = new Lane(context)
      await opened
      if (this.#isClosed) return lane.close()
      this.#lanes.set(thread, lane)
      onReady()
    }
    const free = places.filter(({ thread }) => thread === undefined)
    const begun = missing.slice(0, free.length).map((thread, i) => prepare(thread, free[i]))
    const ended = await Promise.allSettled(begun)
    const failed = ended.find((one) => one.status === 'rejected')
    if (failed && this.#lanes.size === 0) throw failed.reason
  }

  async #share() {
    const network = await this.#network.session.share?.(this.#count)
    const places = network?.places ?? new Array<undefined>(this.#count).fill(undefined)
    return { network, places: places.map((place): Taken => ({ place, thread: undefined })) }
  }

  /** Releases the threads once they have finished their jobs. */
  release(): void {
    if (!this.#isAtWork || this.lanes.some((lane) => !lane.isIdle)) return
    this.#isAtWork = false
    this.#crew = []
    dismiss()
  }

  /** Frees the copies of the network. */
  close(): void {
    this.#isClosed = true
    for (const lane of this.#lanes.values()) lane.close()
    this.#lanes.clear()
    this.#shared = undefined
    if (!this.#isAtWork) return
    this.#isAtWork = false
    this.#crew = []
    dismiss()
  }
}
