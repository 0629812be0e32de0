import { customAsset, isModule } from '../assets.ts'
import { hasFileSystem } from '../platform/builtins.ts'

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

/** The shortest WebAssembly module. */
const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)

/**
 * Starts ONNX Runtime with the WebAssembly that was handed in, if it was.
 *
 * The runtime takes bytes only, and edge functions take no bytes: it is given those of an empty module, and while
 * it starts, instantiating these gives an instance of the compiled module that was handed in.
 *
 * @param environment the runtime's `env.wasm`
 * @param start makes the first session
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
