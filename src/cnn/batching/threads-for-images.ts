import { threadsByDefault } from '../../engine/wasm/thread-pool.ts'
import { memoryOfHost } from '../../host/platform/memory.ts'
import { threadLevel } from '../../host/threads.ts'
import type { Network } from '../runtime.ts'

/** Maximum memory of the copies of a network in ONNX Runtime by default, in bytes, if that of the host is unknown. */
const MOST_BYTES = 2 ** 30
/** The memory of ONNX Runtime itself in a thread, in bytes: its compiled code and its WebAssembly memory. */
const RUNTIME_BYTES = 160 * 2 ** 20
/** The memory of a thread while it decodes a JPEG of 12 megapixels, in bytes. */
const DECODING_BYTES = 2 ** 28
/** Maximum number of threads by default that only decode and resize images, including the one that runs the network. */
const MOST_PREPARING = 8

/**
 * The number of threads that work on images, including this one: as many as the caller wants, or one per core. Fewer by
 * default where memory is short: all threads together may take half of it for decoding, and a quarter of it for copies of a
 * network in ONNX Runtime. Fewer also if they only prepare images for a network that runs in this thread. 1 where there
 * are no threads.
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
  const memory = await memoryOfHost()
  const limits = [await threadsByDefault()]
  if (memory !== undefined) limits.push(memory / 2 / DECODING_BYTES)
  if (!share) limits.push(MOST_PREPARING)
  // The weights as in the file, and as packed by ONNX Runtime.
  else if (runtime.name !== 'engine') {
    limits.push((memory === undefined ? MOST_BYTES : memory / 4) / (RUNTIME_BYTES + 3 * weightBytes))
  }
  return Math.max(1, Math.floor(Math.min(...limits)))
}
