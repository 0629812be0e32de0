// All tests: of the sources on this Node, of both builds of the engine on a Node that can run both, and of the package
// on every host. With arguments, the first alone: npm test -- src/matrix.test.ts
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { skippedHosts } from '../test/hosts/package.js'
import { nodeProgram } from '../test/hosts/processes.js'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const run = (program, ...args) => {
  const start = Date.now()
  execFileSync(program, args, { stdio: 'inherit' })
  console.log(`${args.join(' ')}: ${Math.round((Date.now() - start) / 1000)} s`)
}
const vitest = ['node_modules/vitest/vitest.mjs', 'run']
const asked = process.argv.slice(2)

try {
  run(process.execPath, 'scripts/build.js')
  run(process.execPath, ...vitest, ...asked)
  if (asked.length === 0) {
    // Node 20 has no relaxed SIMD: there these have run with the strict build only.
    const ofBothBuilds = ['parity', 'properties', 'bad-input'].map((name) => `test/${name}.test.ts`)
    if (skippedHosts().includes('Node 26')) console.log('both builds: skipped, as SKIP_HOSTS wants')
    else run(nodeProgram(26), ...vitest, ...ofBothBuilds)
    run(process.execPath, 'scripts/test-hosts.js', '--no-build')
  }
} catch (error) {
  // What went wrong was printed by the program that failed.
  if (typeof error.status !== 'number') throw error
  process.exitCode = error.status
}
