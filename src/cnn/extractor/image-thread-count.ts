import { threadsByDefault } from '../../engine/wasm/thread-count.ts'
import { memoryOfHost } from '../../host/platform/memory.ts'
import { threadLevel } from '../../host/threads.ts'
import type { Network } from '../runtime.ts'

/** Maximum memory of the copies of a network in ONNX Runtime by default, in bytes, if that of the host is unknown. */
const MAX_COPIES_BYTES = 2 ** 30
/** The memory of ONNX Runtime itself in a thread, in bytes: its compiled code and its WebAssembly memory. */
const RUNTIME_BYTES = 160 * 2 ** 20
/** The memory of a thread while it decodes a JPEG of 12 megapixels, in bytes. */
const DECODING_BYTES = 2 ** 28
/** Maximum number of threads by default that only decode and resize images, including the one that runs the network. */
const MAX_DECODING_THREADS = 8

/**
 * The number of threads that work on images, including this one: as many as the caller wants, or one per core. Fewer by
 * default where memory is short: all threads together may take half of it for decoding, and a quarter of it for copies of a
 * network in ONNX Runtime. Fewer also if they only decode images for a network that runs in this thread. 1 where there
 * are no threads.
 *
 * @param weightBytes size of the network's weights
 */
export async function imageThreadCount(
  { share, runtime }: Network,
  wanted: number | undefined,
  weightBytes: number,
): Promise<number> {
  if (threadLevel() === undefined) return 1
  if (wanted !== undefined) return wanted
  const memory = await memoryOfHost()
  const limits = [await threadsByDefault()]
  if (memory !== undefined) limits.push(memory / 2 / DECODING_BYTES)
  // Without `share`, the network runs only in this thread and the others only decode.
  if (!share) limits.push(MAX_DECODING_THREADS)
  else if (runtime.name !== 'engine') {
    // A copy may hold the weights three times: as passed to ONNX Runtime, in its tensors, and packed for its kernels.
    const copyBytes = RUNTIME_BYTES + 3 * weightBytes
    limits.push((memory === undefined ? MAX_COPIES_BYTES : memory / 4) / copyBytes)
  }
  return Math.max(1, Math.floor(Math.min(...limits)))
}
