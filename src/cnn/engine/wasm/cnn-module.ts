import { SoftmarginError } from '../../../core/errors.ts'
import { customAsset, isModule, readAsset } from '../../../host/assets.ts'

/**
 * The WebAssembly build of the kernels. `'strict'` gives bit-identical results on every host. `'relaxed'` is
 * faster where the host fuses multiply-adds, but its last bits depend on whether it does.
 */
export type Simd = 'strict' | 'relaxed'

const modules = new Map<Simd, Promise<WebAssembly.Module>>()

/**
 * Returns the kernels' WebAssembly module, compiled once.
 *
 * @throws {SoftmarginError} `HOST_UNSUPPORTED`, `FILE_UNREADABLE`
 */
export function networkModule(simd: Simd): Promise<WebAssembly.Module> {
  let module = modules.get(simd)
  if (!module) {
    module = compile(simd)
    modules.set(simd, module)
    // Do not cache a failed download.
    module.catch(() => modules.delete(simd))
  }
  return module
}

async function compile(simd: Simd): Promise<WebAssembly.Module> {
  const name = simd === 'strict' ? 'cnn.wasm' : 'cnn.relaxed.wasm'
  const given = await customAsset(name)
  if (isModule(given)) return given
  const bytes = given ?? (await readAsset(name))
  if (!WebAssembly.validate(bytes)) {
    const what = simd === 'strict' ? 'WebAssembly SIMD' : 'WebAssembly relaxed SIMD'
    const message = `the network engine needs ${what}, which this host lacks`
    throw new SoftmarginError('HOST_UNSUPPORTED', message, { argument: 'runtime', received: 'engine' })
  }
  return WebAssembly.compile(bytes)
}
