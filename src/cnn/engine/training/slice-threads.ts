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
import type { PackJob, SliceContext, SliceJob } from './slice-work.ts'

/** Whether other threads can take part in a training here. */
export function hasSliceThreads(): boolean {
  return mayShareMemory() && isUpTo(threadLevel(), 'lite')
}

/** The other threads of a training. Each is used from when it is ready; one that fails is done without. */
export class SliceThreads {
  readonly #threads: PoolThread[] = []
  readonly #ready: ThreadContext[] = []
  #isClosed = false

  /**
   * @param values addresses of the parameters' values, which `pack` jobs read
   * @param places the memory of each thread
   */
  constructor(
    { model, inputs, parameters }: ClassifierSource,
    values: readonly number[],
    places: readonly SharedPlace[],
  ) {
    const shared: Omit<SliceContext, 'place'> = {
      model: toBinary(ModelProtoSchema, model),
      inputs: inputs.map(({ name, dims }) => ({ name, dims })),
      parameters: parameters.map(({ name, dims }, i) => ({ name, dims, address: values[i] })),
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
   * Runs jobs on all threads that are ready, this one included.
   *
   * @param local runs a job on this thread
   * @param onLogits called for each job, in any order
   * @throws the error of the first job that fails, or `ABORTED`
   */
  async run<Job extends PackJob | SliceJob>(
    jobs: readonly Job[],
    timeSlice: TimeSlice,
    local: (job: Job) => Float32Array,
    onLogits: (logits: Float32Array, job: Job) => void,
  ): Promise<void> {
    // Threads that have started meanwhile can only say so while this one waits.
    if (this.#ready.length < this.#threads.length) await timeSlice.yield()
    const able = this.#ready.filter(({ thread }) => !thread.failed)
    const pool = new ThreadPool<Job, Float32Array>(able, async (job) => local(job))
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
