import { networkModule, type Simd } from './cnn-module.ts'
import { type Instance, instanceOn, LIMIT, PAGE } from './instance.ts'

/** Makes a memory that threads can share. Returns `undefined` if the host does not give that much. */
export function sharedMemory(bytes: number): WebAssembly.Memory | undefined {
  if (!(bytes <= LIMIT)) return undefined
  const pages = Math.ceil(bytes / PAGE)
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  } catch {
    return undefined
  }
}

/**
 * Instantiates the kernels on a memory that threads share.
 *
 * @throws {SoftmarginError} `HOST_UNSUPPORTED`, `FILE_UNREADABLE`
 */
export async function joinMemory(memory: WebAssembly.Memory, simd: Simd): Promise<Instance> {
  return instanceOn(await networkModule(simd, true), memory)
}

/** Room for the maps of one more thread in the memory of a network, whose weights and tables it uses. */
export interface SharedPlace {
  memory: WebAssembly.Memory
  /** Where the room begins. */
  at: number
  /** Where the weights and tables end: the same in the plan of every thread. */
  fixedBytes: number
  simd: Simd
}

/**
 * Instantiates the kernels on a memory for a network and for the maps of other threads.
 *
 * @param plan bytes of the whole network, and of its weights and tables, which all threads use
 * @param count how many other threads are wanted
 * @returns places for as many of them as there is memory for; `undefined` if for none
 */
export async function shareInstance(
  { bytes, fixedBytes }: { bytes: number; fixedBytes: number },
  count: number,
  simd: Simd,
): Promise<{ instance: Instance; places: SharedPlace[] } | undefined> {
  const each = bytes - fixedBytes
  let [wanted, memory] = [count, sharedMemory(bytes + count * each)]
  while (!memory && wanted > 1) {
    wanted >>= 1
    memory = sharedMemory(bytes + wanted * each)
  }
  if (!memory) return undefined
  const shared = memory
  const places = Array.from({ length: wanted }, (_, i) => {
    return { memory: shared, at: bytes + i * each, fixedBytes, simd }
  })
  return { instance: await joinMemory(shared, simd), places }
}
