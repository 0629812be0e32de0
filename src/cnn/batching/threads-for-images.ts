import { threadsByDefault } from '../../engine/wasm/thread-pool.ts'
import { threadLevel } from '../../host/threads.ts'
import type { Network } from '../runtime.ts'

/** Maximum memory of the copies of a network in ONNX Runtime by default, in bytes. */
const MOST_BYTES = 2 ** 30
/** The memory of ONNX Runtime itself in a thread, in bytes: its compiled code and its WebAssembly memory. */
const RUNTIME_BYTES = 2 ** 26

/** Maximum number of threads by default that only decode and resize images, including the one that runs the network. */
const MOST_PREPARING = 8

/**
 * The number of threads that work on images, including this one: as many as the caller wants, or one per core. Fewer by
 * default if each needs a copy of the network and these would take too much memory, or if they only prepare images for a
 * network that runs in this thread. 1 where there are no threads.
 *
 * @param weightBytes size of the network's weights
 */
export async function threadsForImages(
  { share, runtime }: Network,
  wanted: number | undefined,
  weightBytes: number,
): Promise<number> {
  if (threadLevel() === undefined) return 1
  if (wanted !== undefined) return wanted
  const threads = await threadsByDefault()
  if (!share) return Math.min(threads, MOST_PREPARING)
  if (runtime.name === 'engine') return threads
  // The weights as in the file, and as packed by ONNX Runtime.
  return Math.max(1, Math.min(threads, Math.floor(MOST_BYTES / (RUNTIME_BYTES + 3 * weightBytes))))
}
