// Diagnoses WebAssembly files that could not be loaded.

import { SoftmarginError } from '../../core/errors.ts'
import { readBytes } from './read-bytes.ts'

/** The magic bytes of WebAssembly modules. */
const MAGIC = [0, 97, 115, 109]

/**
 * Explains why bytes are not WebAssembly, and what they seem to be instead: many servers send an HTML page for
 * missing files.
 */
export function wasmFault(bytes: Uint8Array, type: string | null): string | undefined {
  if (MAGIC.every((byte, i) => bytes[i] === byte)) return undefined
  const beginning = new TextDecoder().decode(bytes.subarray(0, 40))
  const printable = beginning.replace(/[^\x20-\x7e]+/g, ' ').trim()
  const came = bytes.length === 0 ? 'it is empty' : `it begins with '${printable}'`
  return `it is not WebAssembly: ${came}${type ? ` and was sent as ${type}` : ''}`
}

/**
 * Diagnoses a failure to load WebAssembly that a dependency fetched itself, whose errors name neither the URL nor the
 * content. Fetches the page's WebAssembly resources again and returns an error for the first that is not WebAssembly.
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
