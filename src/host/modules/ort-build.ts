// Chooses and starts the build of ONNX Runtime for the host.

import { customAsset, isModule } from '../assets.ts'
import { hasFileSystem } from '../platform/builtins.ts'

/** The builds of ONNX Runtime in use. */
export type OrtBuild = 'node' | 'web' | 'webgpu'

/**
 * Returns the build of ONNX Runtime for the host: `'node'` reads its WebAssembly from disk and can use several
 * threads on Node, Deno and Bun; `'web'` fetches it; `'webgpu'` also fetches it, and uses the GPU.
 */
export function ortBuild(device: 'wasm' | 'webgpu'): OrtBuild {
  if (device === 'webgpu') return 'webgpu'
  return hasFileSystem() ? 'node' : 'web'
}

/** Whether this host has a usable GPU: WebGPU, and an adapter for it. */
export async function hasGpu(): Promise<boolean> {
  const { gpu } = (globalThis.navigator ?? {}) as { gpu?: { requestAdapter(): Promise<unknown> } }
  if (!gpu) return false
  return gpu.requestAdapter().then(
    (adapter) => Boolean(adapter),
    () => false,
  )
}

/** The smallest valid WebAssembly module. */
const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)

/**
 * Starts ONNX Runtime with the WebAssembly that the application supplied, if any.
 *
 * The runtime accepts only bytes, but edge functions cannot compile bytes. So the runtime gets the bytes of an empty
 * module, and while it starts, instantiating these bytes is redirected to the supplied compiled module.
 *
 * @param environment the runtime's `env.wasm`
 * @param start creates the first session
 */
export async function withCustomRuntime<T>(
  environment: { wasmBinary?: ArrayBufferLike | Uint8Array },
  start: () => Promise<T>,
): Promise<T> {
  const given = await customAsset('onnxruntime.wasm')
  if (!given || environment.wasmBinary) return start()
  if (!isModule(given)) {
    environment.wasmBinary = given
    return start()
  }
  environment.wasmBinary = empty
  const original = WebAssembly.instantiate as (
    source: unknown,
    imports?: WebAssembly.Imports,
  ) => Promise<never>
  const replaced = async (source: { byteLength?: number }, imports?: WebAssembly.Imports) => {
    if (source.byteLength !== empty.length) return original(source, imports)
    return { module: given, instance: await original(given, imports) }
  }
  WebAssembly.instantiate = replaced as unknown as typeof WebAssembly.instantiate
  try {
    return await start()
  } finally {
    WebAssembly.instantiate = original as typeof WebAssembly.instantiate
  }
}
