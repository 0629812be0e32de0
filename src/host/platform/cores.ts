import { hasFileSystem, importBuiltin } from './builtins.ts'

/** The number of logical cores, at least 1. */
export async function numberOfCores(): Promise<number> {
  const told = globalThis.navigator?.hardwareConcurrency
  if (told) return told
  if (!hasFileSystem()) return 1
  const os = await importBuiltin('node:os')
  // Node before 18.14 and some Node-compatible hosts lack availableParallelism.
  return os.availableParallelism?.() ?? os.cpus().length
}
