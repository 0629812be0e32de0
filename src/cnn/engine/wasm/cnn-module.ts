import { SoftmarginError } from '../../../core/errors.ts'
import { type AssetName, customAsset, isModule, isSupplied, readAsset } from '../../../host/assets.ts'

/**
 * The WebAssembly build of the kernels. `'strict'` gives bit-identical results on every host. `'relaxed'` is
 * faster where the host fuses multiply-adds, but its last bits depend on whether it does.
 */
export type Simd = 'strict' | 'relaxed'

/** Which kernels are needed: `'inference'` is what networks of plain convolutions need to run. */
export type KernelPart = 'whole' | 'inference'

type KernelAsset = Extract<AssetName, `cnn.${string}`>

const modules = new Map<KernelAsset, Promise<WebAssembly.Module>>()

/**
 * Returns the kernels' WebAssembly module, compiled once. Threads need a separate build, because whether a memory is
 * shared is part of the module's type.
 *
 * @param shared whether the module imports a shared memory. Default false
 * @param part what the caller needs at least. The build that is used by default has a smaller file without the other
 *   kernels, which is loaded unless the whole is there already. Default `'whole'`
 * @throws {SoftmarginError} `HOST_UNSUPPORTED`, `FILE_UNREADABLE`
 */
export function networkModule(
  simd: Simd,
  shared = false,
  part: KernelPart = 'whole',
): Promise<WebAssembly.Module> {
  const whole: KernelAsset = `cnn${simd === 'strict' ? '' : '.relaxed'}${shared ? '.threads' : ''}.wasm`
  const hasPart = part === 'inference' && whole === 'cnn.wasm'
  const name = hasPart && !modules.has(whole) && !isSupplied(whole) ? 'cnn.inference.wasm' : whole
  let module = modules.get(name)
  if (!module) {
    module = compile(name, simd)
    modules.set(name, module)
    // Do not cache a failed download.
    module.catch(() => modules.delete(name))
  }
  return module
}

async function compile(name: KernelAsset, simd: Simd): Promise<WebAssembly.Module> {
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
