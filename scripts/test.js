// Builds the package and tests the sources on this Node, with nothing that `npm ci` does not bring:
// npm test [-- test/numerics/parity.test.ts]; hosts, browsers and bundlers are tested by `npm run test:hosts`.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const vitest = ['node_modules/vitest/vitest.mjs', 'run']
const asked = process.argv.slice(2)

try {
  for (const args of [
    ['scripts/build.js'],
    [...vitest, ...(asked.length > 0 ? asked : ['--project', 'sources'])],
  ]) {
    execFileSync(process.execPath, args, { stdio: 'inherit' })
  }
} catch (error) {
  // What went wrong was printed by the program that failed.
  if (typeof error.status !== 'number') throw error
  process.exitCode = error.status
}
