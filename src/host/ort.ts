import { hasFileSystem } from './node.ts'

/** The builds of ONNX Runtime that are used. */
export type OrtBuild = 'node' | 'web' | 'webgpu'

/**
 * Which build of ONNX Runtime suits the host: `'node'` reads its WebAssembly from the disk and may run
 * several threads on Node, Deno and Bun; `'web'` fetches it; `'webgpu'` does, too, and drives the GPU.
 */
export function ortBuild(device: 'wasm' | 'webgpu'): OrtBuild {
  if (device === 'webgpu') return 'webgpu'
  return hasFileSystem() ? 'node' : 'web'
}

/** Whether this host has a GPU that it lets us use: WebGPU, and an adapter behind it. */
export async function hasGpu(): Promise<boolean> {
  const { gpu } = (globalThis.navigator ?? {}) as { gpu?: { requestAdapter(): Promise<unknown> } }
  if (!gpu) return false
  return gpu.requestAdapter().then(
    (adapter) => Boolean(adapter),
    () => false,
  )
}
