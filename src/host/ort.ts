import { hasFileSystem } from './node.ts'

/**
 * Which build of ONNX Runtime suits the host: `'node'` reads its WebAssembly from the disk and may run
 * several threads on Node, Deno and Bun; `'web'` fetches it.
 */
export function ortBuild(): 'node' | 'web' {
  return hasFileSystem() ? 'node' : 'web'
}
