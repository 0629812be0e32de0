import { SoftmarginError } from '../../core/errors.ts'
import { customAsset, isModule } from '../assets.ts'
import { hasFileSystem, importBuiltin } from '../platform/builtins.ts'
import { readBytes } from '../storage/read-bytes.ts'
import { fetchedFault } from '../storage/wasm-bytes.ts'

/** The image codecs of jSquash; each is a WebAssembly module. */
export type Codec = 'jpeg' | 'webp' | 'avif'

/** The path of each codec's module in its package. */
const codecFiles: Record<Codec, string> = {
  jpeg: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  webp: '@jsquash/webp/codec/dec/webp_dec.wasm',
  avif: '@jsquash/avif/codec/dec/avif_dec.wasm',
}

/**
 * Returns the codec's module if it must be passed in (jSquash would `fetch` it, which Node cannot do with files), or
 * `undefined` if jSquash finds it itself.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`
 */
export async function codecModule(codec: Codec): Promise<WebAssembly.Module | undefined> {
  ensureImageData()
  const given = await customAsset(`${codec}.wasm`)
  if (given) return isModule(given) ? given : WebAssembly.compile(given)
  if (!hasFileSystem()) return undefined
  const { createRequire } = await importBuiltin('node:module')
  const path = createRequire(import.meta.url).resolve(codecFiles[codec])
  return WebAssembly.compile(await readBytes(path, `the ${codec} codec`))
}

/** Returns `FILE_UNREADABLE` for a codec that did not start, with the faulty file if it can be determined. */
export async function codecFault(codec: Codec, cause: unknown): Promise<SoftmarginError> {
  const why = cause instanceof Error ? cause.message : String(cause)
  const argument = `${codec}.wasm`
  return (
    (await fetchedFault(argument)) ??
    new SoftmarginError('FILE_UNREADABLE', `${argument} cannot be started: ${why}`, { argument, cause })
  )
}

/**
 * Provides `ImageData`, which the decoders return; jSquash has a polyfill for only some of the hosts that lack it.
 */
function ensureImageData(): void {
  const host = globalThis as { ImageData?: unknown }
  host.ImageData ??= class ImageData {
    constructor(
      readonly data: Uint8ClampedArray,
      readonly width: number,
      readonly height: number,
    ) {}
  }
}
