import { SoftmarginError } from '../../../core/errors.ts'
import type { Kernels } from './cnn-exports.ts'
import { type KernelPart, networkModule, type Simd } from './cnn-module.ts'

/** Bytes of a page of memory. */
export const PAGE = 65536
/** Size limit of the memory: the 32-bit address space less one page. */
export const LIMIT = 65535 * PAGE

/** An instance of the kernels with its memory. */
export interface Instance {
  kernels: Kernels
  /** Shared, if other threads work in it too. */
  memory: ArrayBuffer
}

/**
 * Instantiates the kernels with a memory of the given size.
 *
 * @param bytes size of the memory, allocated at once
 * @param part which kernels are needed. Default `'whole'`
 * @throws {SoftmarginError} `OUT_OF_MEMORY`, before anything is allocated; `HOST_UNSUPPORTED`
 */
export async function instantiate(bytes: number, simd: Simd, part: KernelPart = 'whole'): Promise<Instance> {
  const module = await networkModule(simd, false, part)
  if (!(bytes <= LIMIT)) throw outOfMemory(bytes)
  const pages = Math.ceil(bytes / PAGE)
  let memory: WebAssembly.Memory
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: 65536 })
  } catch (cause) {
    throw outOfMemory(bytes, cause)
  }
  return instanceOn(module, memory)
}

/** Instantiates the kernels on a memory. */
export function instanceOn(module: WebAssembly.Module, memory: WebAssembly.Memory): Instance {
  const instance = new WebAssembly.Instance(module, { env: { memory } })
  return { kernels: instance.exports as unknown as Kernels, memory: memory.buffer as ArrayBuffer }
}

/** Constants of the kernels, which are the same in every build and instance: see `Kernels`. */
export interface KernelConstants {
  tilePixels: number
  wide: number
  narrow: number
  winogradChannels: number
  winogradPlaneGap: number
  winogradScratchBytes: number
  outer: number
  stemScratchBytes: number
}

/** Reads the constants of a build. @param part which kernels the caller is going to need */
export async function readKernelConstants(simd: Simd, part: KernelPart = 'whole'): Promise<KernelConstants> {
  const { kernels } = await instantiate(PAGE, simd, part)
  return {
    tilePixels: kernels.TILE_PIXELS.value,
    wide: kernels.WIDE.value,
    narrow: kernels.NARROW.value,
    winogradChannels: kernels.WINOGRAD_CHANNELS.value,
    winogradPlaneGap: kernels.WINOGRAD_PLANE_GAP.value,
    winogradScratchBytes: kernels.WINOGRAD_SCRATCH_BYTES.value,
    outer: kernels.OUTER.value,
    stemScratchBytes: kernels.STEM_SCRATCH_BYTES.value,
  }
}

function outOfMemory(needed: number, cause?: unknown): SoftmarginError {
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`
  const message = `the network needs ${megabytes(needed)} of WebAssembly memory, which is not available; use smaller images or an earlier layer`
  return new SoftmarginError('OUT_OF_MEMORY', message, {
    argument: 'model',
    received: needed,
    expected: `at most ${megabytes(LIMIT)}, or less if the host provides less`,
    cause,
  })
}
