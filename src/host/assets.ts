// The files that ship with the package (WebAssembly): where they are, and how an application replaces them.

import { invalidArgument, show } from '../core/errors.ts'
import { readBytes } from './storage/read-bytes.ts'
import { wasmFault } from './storage/wasm-bytes.ts'

/** A file that ships with the package. */
export type AssetName =
  | 'svm.wasm'
  | 'svm.prediction.wasm'
  | 'svm.threads.wasm'
  | 'svm.relaxed.wasm'
  | 'svm.relaxed.threads.wasm'
  | 'cnn.wasm'
  | 'cnn.inference.wasm'
  | 'cnn.threads.wasm'
  | 'cnn.relaxed.wasm'
  | 'cnn.relaxed.threads.wasm'
  | 'tiny.onnx'
  | 'small.onnx'
  | 'tiny-background.bin'
  | 'small-background.bin'

/**
 * A file that an application can supply with `useAssets`: those of this package, the image decoders and ONNX Runtime.
 */
export type CustomAssetName = AssetName | 'jpeg.wasm' | 'webp.wasm' | 'avif.wasm' | 'onnxruntime.wasm'

/** A compiled module, its bytes, or the path or URL to read them from. */
export type CustomAsset = WebAssembly.Module | Uint8Array<ArrayBuffer> | ArrayBuffer | URL | string

/** Where the files of this package are. Each URL is a literal, since bundlers resolve only literal ones. */
const urls: Record<AssetName, () => URL> = {
  'svm.wasm': () => new URL('../../dist/svm.wasm', import.meta.url),
  'svm.prediction.wasm': () => new URL('../../dist/svm.prediction.wasm', import.meta.url),
  'svm.threads.wasm': () => new URL('../../dist/svm.threads.wasm', import.meta.url),
  'svm.relaxed.wasm': () => new URL('../../dist/svm.relaxed.wasm', import.meta.url),
  'svm.relaxed.threads.wasm': () => new URL('../../dist/svm.relaxed.threads.wasm', import.meta.url),
  'cnn.wasm': () => new URL('../../dist/cnn.wasm', import.meta.url),
  'cnn.inference.wasm': () => new URL('../../dist/cnn.inference.wasm', import.meta.url),
  'cnn.threads.wasm': () => new URL('../../dist/cnn.threads.wasm', import.meta.url),
  'cnn.relaxed.wasm': () => new URL('../../dist/cnn.relaxed.wasm', import.meta.url),
  'cnn.relaxed.threads.wasm': () => new URL('../../dist/cnn.relaxed.threads.wasm', import.meta.url),
  'small.onnx': () => new URL('../../dist/small.onnx', import.meta.url),
  'tiny.onnx': () => new URL('../../dist/tiny.onnx', import.meta.url),
  'small-background.bin': () => new URL('../../dist/small-background.bin', import.meta.url),
  'tiny-background.bin': () => new URL('../../dist/tiny-background.bin', import.meta.url),
}
const others: Record<Exclude<CustomAssetName, AssetName>, true> = {
  'jpeg.wasm': true,
  'webp.wasm': true,
  'avif.wasm': true,
  'onnxruntime.wasm': true,
}
const names = [...Object.keys(urls), ...Object.keys(others)]
const given = new Map<CustomAssetName, CustomAsset>()

/**
 * Supplies files that the package would otherwise load from its own folder. Needed on edge functions, which accept
 * WebAssembly only as precompiled modules, and by applications that host these files elsewhere. Call it before any
 * other function of the package.
 *
 * `svm.wasm` and `cnn.wasm` suffice: `svm.prediction.wasm` and `cnn.inference.wasm` are parts of them, for programs that
 * never train, and are only used if the whole is not supplied.
 *
 * `jpeg.wasm` is `@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm`, `webp.wasm` is `@jsquash/webp/codec/dec/webp_dec.wasm`,
 * `avif.wasm` is `@jsquash/avif/codec/dec/avif_dec.wasm`, and `onnxruntime.wasm` is
 * `onnxruntime-web/ort-wasm-simd-threaded.wasm`.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for an unknown name, and for a value that is not a module, bytes or a
 *   URL
 */
export function useAssets(assets: { [Name in CustomAssetName]?: CustomAsset }): void {
  for (const [name, asset] of Object.entries(assets)) {
    if (!names.includes(name)) {
      const known = names.join(', ')
      const message = `unknown file ${show(name)} in assets; the files are ${known}`
      throw invalidArgument('assets', name, `files among ${known}`, message)
    }
    const isWhere = typeof asset === 'string' || asset instanceof URL
    if (!isWhere && !isBytes(asset) && !isModule(asset)) {
      throw invalidArgument(`assets['${name}']`, asset, 'a WebAssembly.Module, bytes or a URL')
    }
    given.set(name as CustomAssetName, asset)
  }
}

/** The supplied files in a form that another thread can be sent, for its own `useAssets`. */
export function customAssets(): { [Name in CustomAssetName]?: CustomAsset } {
  const entries = [...given].map(([name, asset]) => [name, asset instanceof URL ? asset.href : asset])
  return Object.fromEntries(entries)
}

/** Whether the application has supplied a file. */
export function isSupplied(name: CustomAssetName): boolean {
  return given.has(name)
}

/** Returns the supplied module or its bytes, or `undefined` if none was supplied. @throws as `readBytes` */
export async function customAsset(
  name: CustomAssetName,
): Promise<WebAssembly.Module | Uint8Array<ArrayBuffer> | undefined> {
  const asset = given.get(name)
  if (typeof asset === 'string' || asset instanceof URL) return readNamed(asset, name)
  if (!isBytes(asset)) return asset
  return asset instanceof Uint8Array ? asset : new Uint8Array(asset)
}

/** Whether a value is a compiled module, also one of another realm, for which `instanceof` is false. */
export function isModule(value: unknown): value is WebAssembly.Module {
  return Object.prototype.toString.call(value) === '[object WebAssembly.Module]'
}

function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> | ArrayBuffer {
  return ArrayBuffer.isView(value) || Object.prototype.toString.call(value) === '[object ArrayBuffer]'
}

/**
 * Reads a file that ships with the package, from disk or over the network.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`
 */
export async function readAsset(name: AssetName): Promise<Uint8Array<ArrayBuffer>> {
  const asset = await customAsset(name)
  return asset === undefined || isModule(asset) ? readNamed(assetUrl(name), name) : asset
}

function readNamed(source: URL | string, name: CustomAssetName): Promise<Uint8Array<ArrayBuffer>> {
  return readBytes(source, name, name.endsWith('.wasm') ? { fault: wasmFault } : {})
}

/** Returns the URL of a shipped file. */
export function assetUrl(name: AssetName): URL {
  return urls[name]()
}
