import { invalidArgument, SoftmarginError } from '../../core/errors.ts'
import { type AssetName, customAsset, isModule, isSupplied, readAsset } from '../../host/assets.ts'

/**
 * Which build of the engine to use. `'strict'` gives bitwise identical results on every host. `'relaxed'` (WebAssembly
 * relaxed SIMD) is faster where the host fuses multiply-adds, and the last bits of results depend on whether it does.
 */
export type Simd = 'strict' | 'relaxed'

/** What is needed of the engine: `'prediction'` is little more than a third of the whole, enough for float32. */
export type EnginePart = 'whole' | 'prediction'

const modules = new Map<EngineAsset, Promise<WebAssembly.Module>>()

type EngineAsset = Extract<AssetName, `svm.${string}`>

/**
 * The compiled engine module; each build is compiled once. Threads need a separate build, because whether a memory is
 * shared is part of the module's type.
 *
 * @param shared whether the module imports a shared memory. Default false
 * @param part what the caller needs at least. The build that is used by default has a smaller file for predictions, which
 *   is loaded unless the whole is there already. Default `'whole'`
 * @throws {SoftmarginError} `INVALID_ARGUMENT`; `HOST_UNSUPPORTED` where the host lacks the instructions
 */
export function engineModule(
  simd: Simd,
  shared = false,
  part: EnginePart = 'whole',
): Promise<WebAssembly.Module> {
  if (simd !== 'strict' && simd !== 'relaxed') {
    throw invalidArgument('simd', simd, "'strict' or 'relaxed'")
  }
  const whole: EngineAsset =
    simd === 'strict'
      ? shared
        ? 'svm.threads.wasm'
        : 'svm.wasm'
      : shared
        ? 'svm.relaxed.threads.wasm'
        : 'svm.relaxed.wasm'
  const hasPart = part === 'prediction' && whole === 'svm.wasm'
  const name = hasPart && !modules.has(whole) && !isSupplied(whole) ? 'svm.prediction.wasm' : whole
  let module = modules.get(name)
  if (!module) {
    module = compile(name, simd)
    modules.set(name, module)
    // Do not cache a failed download.
    module.catch(() => modules.delete(name))
  }
  return module
}

async function compile(name: EngineAsset, simd: Simd): Promise<WebAssembly.Module> {
  const given = await customAsset(name)
  if (isModule(given)) return given
  const bytes = given ?? (await readAsset(name))
  if (!WebAssembly.validate(bytes)) {
    throw new SoftmarginError(
      'HOST_UNSUPPORTED',
      `simd: '${simd}' needs ${simd === 'strict' ? 'WebAssembly SIMD' : 'WebAssembly relaxed SIMD'}, which this host lacks`,
      { argument: 'simd', received: simd },
    )
  }
  return WebAssembly.compile(bytes)
}
