import { hasFileSystem, importBuiltin } from './builtins.ts'

/** How many threads the machine runs at once, at least 1. */
export async function numberOfCores(): Promise<number> {
  const told = globalThis.navigator?.hardwareConcurrency
  if (told) return told
  if (!hasFileSystem()) return 1
  const os = await importBuiltin('node:os')
  // Older than Node 18.14 and some stand-ins for Node lack availableParallelism.
  return os.availableParallelism?.() ?? os.cpus().length
}
