import {
  type PoolThread,
  returnThread,
  type ThreadContext,
  takeThread,
} from '../../../engine/wasm/pool-thread.ts'
import { ThreadPool } from '../../../engine/wasm/thread-pool.ts'
import type { TimeSlice } from '../../../engine/wasm/time-slice.ts'
import { customAssets } from '../../../host/assets.ts'
import { isUpTo, mayShareMemory, threadLevel } from '../../../host/threads.ts'
import { ModelProtoSchema } from '../../../onnx/proto/onnx.ts'
import { toBinary } from '../../../onnx/proto/write-message.ts'
import type { SharedPlace } from '../network.ts'
import type { ClassifierSource } from './lower-classifier.ts'
import type { SliceContext, SliceJob } from './slice-work.ts'

/** Whether other threads can compute gradients here. */
export function hasSliceThreads(): boolean {
  return mayShareMemory() && isUpTo(threadLevel(), 'lite')
}

/** The other threads of a training. Each is used from when it is ready; one that fails is done without. */
export class SliceThreads {
  readonly #threads: PoolThread[] = []
  readonly #ready: ThreadContext[] = []
  #isClosed = false

  /** @param places the memory of each thread */
  constructor({ model, inputs, parameters }: ClassifierSource, places: readonly SharedPlace[]) {
    const shared: Omit<SliceContext, 'place'> = {
      model: toBinary(ModelProtoSchema, model),
      inputs: inputs.map(({ name, dims }) => ({ name, dims })),
      parameters: parameters.map(({ name, dims }) => ({ name, dims })),
      assets: customAssets(),
    }
    for (const place of places) {
      const thread = takeThread('lite')
      this.#threads.push(thread)
      const { context, opened } = thread.open('slices', { place, ...shared } satisfies SliceContext)
      opened.then(
        () => (this.#isClosed ? close(context) : this.#ready.push(context)),
        () => {},
      )
    }
  }

  /**
   * Computes the gradients of slices on all threads that are ready, this one included.
   *
   * @param local computes them on this thread
   * @param onLogits called for each slice, in any order
   * @throws the error of the first slice that fails, or `ABORTED`
   */
  async run(
    jobs: readonly SliceJob[],
    timeSlice: TimeSlice,
    local: (job: SliceJob) => Float32Array,
    onLogits: (logits: Float32Array, job: SliceJob) => void,
  ): Promise<void> {
    // Threads that have started meanwhile can only say so while this one waits.
    if (this.#ready.length < this.#threads.length) await timeSlice.yield()
    const able = this.#ready.filter(({ thread }) => !thread.failed)
    const pool = new ThreadPool<SliceJob, Float32Array>(able, async (job) => local(job))
    let next = 0
    await pool.run({ take: () => jobs[next++] }, timeSlice, onLogits)
  }

  close(): void {
    this.#isClosed = true
    for (const context of this.#ready) close(context)
    for (const thread of this.#threads) returnThread(thread)
  }
}

function close(context: ThreadContext): void {
  context.thread.close(context).catch(() => {})
}
