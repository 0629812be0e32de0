import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.node/', import.meta.url))
const binary = `${folder}node_modules/node/bin/node`

/** A module with one relaxed instruction. */
const relaxedModule = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 15, 1, 13, 0, 65, 0, 253, 15, 65, 0, 253, 15, 253, 128, 2, 11],
)

/** A Node with relaxed SIMD: this one, or node@26 from npm in a folder of the bench. */
export function nodeWithRelaxedSimd() {
  if (WebAssembly.validate(relaxedModule)) return process.execPath
  if (!existsSync(binary)) {
    console.log(`Node ${process.version} has no relaxed SIMD: fetching node@26 from npm into bench/.node`)
    mkdirSync(folder, { recursive: true })
    execFileSync('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', 'node@26'], {
      stdio: 'ignore',
    })
  }
  return binary
}
