import { invalidArgument, SoftmarginError } from '../errors.ts'
import { readAsset } from '../host/assets.ts'

/**
 * Which build of the engine runs. `'strict'` gives the same bits on every host. `'relaxed'` is faster where the
 * host fuses multiply-adds, and its last bits depend on whether it does.
 */
export type Simd = 'strict' | 'relaxed'

const modules = new Map<Simd, Promise<WebAssembly.Module>>()

/**
 * The compiled engine, compiled once.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`; `HOST_UNSUPPORTED` where the host lacks the instructions
 */
export function engineModule(simd: Simd): Promise<WebAssembly.Module> {
  if (simd !== 'strict' && simd !== 'relaxed') {
    throw invalidArgument('simd', simd, "'strict' or 'relaxed'")
  }
  let module = modules.get(simd)
  if (!module) {
    module = compile(simd)
    modules.set(simd, module)
    // A failed download must not stick.
    module.catch(() => modules.delete(simd))
  }
  return module
}

async function compile(simd: Simd): Promise<WebAssembly.Module> {
  const bytes = await readAsset(simd === 'strict' ? 'svm.wasm' : 'svm.relaxed.wasm')
  if (!WebAssembly.validate(bytes)) {
    throw new SoftmarginError(
      'HOST_UNSUPPORTED',
      `simd: '${simd}' needs ${simd === 'strict' ? 'WebAssembly SIMD' : 'WebAssembly relaxed SIMD'}, which this host lacks`,
      { argument: 'simd', received: simd },
    )
  }
  return WebAssembly.compile(bytes)
}
