import { readBytes } from './bytes.ts'

/** A file that ships with the package. */
export type AssetName =
  | 'svm.wasm'
  | 'svm.threads.wasm'
  | 'svm.relaxed.wasm'
  | 'svm.relaxed.threads.wasm'
  | 'tiny.onnx'

/**
 * Reads a file that ships with the package, from the disk or over the network.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`
 */
export async function readAsset(name: AssetName): Promise<Uint8Array<ArrayBuffer>> {
  return readBytes(assetUrl(name), name)
}

/** Where a shipped file lies. Each URL is written out, since bundlers only follow literal ones. */
export function assetUrl(name: AssetName): URL {
  switch (name) {
    case 'svm.wasm':
      return new URL('../../dist/svm.wasm', import.meta.url)
    case 'svm.relaxed.wasm':
      return new URL('../../dist/svm.relaxed.wasm', import.meta.url)
    case 'svm.threads.wasm':
      return new URL('../../dist/svm.threads.wasm', import.meta.url)
    case 'svm.relaxed.threads.wasm':
      return new URL('../../dist/svm.relaxed.threads.wasm', import.meta.url)
    case 'tiny.onnx':
      return new URL('../../dist/tiny.onnx', import.meta.url)
  }
}
