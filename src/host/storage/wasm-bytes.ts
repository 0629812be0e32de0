import { SoftmarginError } from '../../core/errors.ts'
import { readBytes } from './read-bytes.ts'

/** What every WebAssembly module begins with. */
const MAGIC = [0, 97, 115, 109]

/** Why bytes are no WebAssembly, with what they are instead: many servers answer a page for what they lack. */
export function wasmFault(bytes: Uint8Array, type: string | null): string | undefined {
  if (MAGIC.every((byte, i) => bytes[i] === byte)) return undefined
  const beginning = new TextDecoder().decode(bytes.subarray(0, 40))
  const printable = beginning.replace(/[^\x20-\x7e]+/g, ' ').trim()
  const came = bytes.length === 0 ? 'nothing came' : `what came begins with '${printable}'`
  return `it is no WebAssembly: ${came}${type ? `, as ${type}` : ''}`
}

/**
 * Why WebAssembly that others fetched by themselves may have failed: looks once more at what was fetched here, and
 * answers an error that names the first file which is none. They tell neither the URL nor what came.
 */
export async function fetchedFault(name: string): Promise<SoftmarginError | undefined> {
  const entries = globalThis.performance?.getEntriesByType?.('resource') ?? []
  const urls = new Set(
    entries.map((entry) => entry.name).filter((url) => /\.wasm$/.test(url.split(/[?#]/)[0])),
  )
  for (const url of urls) {
    try {
      await readBytes(url, name, { fault: wasmFault })
    } catch (error) {
      if (error instanceof SoftmarginError) return error
    }
  }
  return undefined
}
