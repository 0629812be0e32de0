import { SoftmarginError } from '../../core/errors.ts'
import { customAsset, isModule } from '../assets.ts'
import { hasFileSystem, importBuiltin } from '../platform/builtins.ts'
import { readBytes } from '../storage/read-bytes.ts'
import { fetchedFault } from '../storage/wasm-bytes.ts'

/** The image codecs of jSquash, each a WebAssembly module. */
export type Codec = 'jpeg' | 'png'

/** Where each package keeps its module. */
const codecFiles: Record<Codec, string> = {
  jpeg: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  png: '@jsquash/png/codec/pkg/squoosh_png_bg.wasm',
}

/**
 * The codec's module where it must be handed in (jSquash would `fetch` it, which Node cannot do with files),
 * or `undefined` where jSquash finds it by itself.
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

/** `FILE_UNREADABLE` for a codec that did not start, with the file that is to blame where that can be told. */
export async function codecFault(codec: Codec, cause: unknown): Promise<SoftmarginError> {
  const why = cause instanceof Error ? cause.message : String(cause)
  const argument = `${codec}.wasm`
  return (
    (await fetchedFault(argument)) ??
    new SoftmarginError('FILE_UNREADABLE', `${argument} cannot be started: ${why}`, { argument, cause })
  )
}

/** The decoders answer an `ImageData`, and bring one along for some of the hosts that lack it only. */
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
