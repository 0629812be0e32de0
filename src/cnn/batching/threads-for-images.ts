import { threadsByDefault } from '../../engine/wasm/thread-pool.ts'
import { threadLevel } from '../../host/threads.ts'
import type { Network } from '../runtime.ts'

/** Memory that the copies of a network in ONNX Runtime may take by default, in bytes. */
const MOST_BYTES = 2 ** 30
/** What ONNX Runtime itself takes in a thread, in bytes: its code, compiled, and its memory. */
const RUNTIME_BYTES = 2 ** 26

/**
 * The number of threads that run images, including this one: as many as the caller wants, or one per core. Fewer by
 * default if each needs a copy of the network and these would take too much memory. 1 where there are no threads.
 *
 * @param weightBytes size of the network's weights
 */
export async function threadsForImages(
  { share, runtime }: Network,
  wanted: number | undefined,
  weightBytes: number,
): Promise<number> {
  if (!share || threadLevel() === undefined) return 1
  if (wanted !== undefined) return wanted
  const threads = await threadsByDefault()
  if (runtime.name === 'engine') return threads
  // The weights as they come, and as ONNX Runtime packs them.
  return Math.max(1, Math.min(threads, Math.floor(MOST_BYTES / (RUNTIME_BYTES + 3 * weightBytes))))
}
