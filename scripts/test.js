// Builds the package and runs the tests on this version of Node, with only what `npm ci` installs:
// npm test [-- test/numerics/parity.test.ts]. `npm run test:hosts` tests other hosts, browsers and bundlers.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const vitest = ['node_modules/vitest/vitest.mjs', 'run']
const asked = process.argv.slice(2)

try {
  for (const args of [
    ['scripts/build.js'],
    [
      ...vitest,
      ...(asked.length > 0 ? asked : ['--project', 'sources', '--project', 'package', '--maxWorkers=3']),
    ],
  ]) {
    execFileSync(process.execPath, args, { stdio: 'inherit' })
  }
} catch (error) {
  // The program that failed has already printed its error.
  if (typeof error.status !== 'number') throw error
  process.exitCode = error.status
}
