// Tests the package on every host. It runs the tests that need other hosts, browsers or bundlers; the tests of both builds
// of the engine on a version of Node that supports both; and on each host the same program, with the package as it would be
// published, whose hashes must agree. Installs missing hosts (about 950 MB) into .cache.
//
// npm run test:hosts [-- --no-build] [names of hosts: run only the program, and only on these]
// SKIP_HOSTS="Firefox,WebKitGTK" skips hosts.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { chromium, firefox, webkit } from '../test/hosts/browsers.js'
import { edgeRuntime } from '../test/hosts/edge-runtime.js'
import { exampleData } from '../test/hosts/example-data.js'
import { installPackage, skippedHosts } from '../test/hosts/package.js'
import { bun, deno, node, nodeProgram } from '../test/hosts/processes.js'
import { workerd } from '../test/hosts/workerd.js'

const hosts = [
  node(20),
  node(22),
  node(24),
  node(26),
  deno,
  bun,
  chromium,
  firefox,
  webkit,
  workerd,
  edgeRuntime,
]

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const names = process.argv.slice(2).filter((argument) => argument !== '--no-build')
if (!process.argv.includes('--no-build')) execFileSync('npm', ['run', 'build'], { stdio: 'inherit' })

const toSkip = skippedHosts()
const unknown = [...names, ...toSkip].filter((name) => !hosts.some((host) => host.name === name))
if (unknown.length > 0) {
  throw new Error(
    `no such host: ${unknown.join(', ')}; there are ${hosts.map(({ name }) => name).join(', ')}`,
  )
}
const named = hosts.filter(({ name }) => names.length === 0 || names.includes(name))
const wanted = named.filter(({ name }) => !toSkip.includes(name))
const skipped = named.filter(({ name }) => toSkip.includes(name))
let failed = false
if (names.length === 0) {
  const vitest = ['node_modules/vitest/vitest.mjs', 'run']
  runTests(process.execPath, [...vitest, '--project', 'hosts'])
  // Node 20 has no relaxed SIMD, so `npm test` may have run these tests with the strict build only.
  const both = ['numerics/parity', 'numerics/properties', 'api/bad-input']
  if (toSkip.includes('Node 26')) console.log('both builds: skipped because of SKIP_HOSTS')
  else runTests(nodeProgram(26), [...vitest, ...both.map((name) => `test/${name}.test.ts`)])
}

/** Continues after failed tests, so that one run shows all failures. */
function runTests(program, args) {
  try {
    execFileSync(program, args, { stdio: 'inherit' })
  } catch (error) {
    // The program that failed has already printed its error.
    if (typeof error.status !== 'number') throw error
    failed = true
  }
}

const project = installPackage()
const rows = []
const data = await exampleData(project)
for (const { name, run, example, check } of wanted) {
  try {
    for (const row of await run(project)) rows.push({ host: name, ...row })
    await example?.(project, data)
    await check?.(project)
    const more = [example && 'its example', check && 'its checks'].filter(Boolean)
    console.log(`${name}: ran${more.map((what) => `, ${what}`).join('')}`)
  } catch (error) {
    failed = true
    console.error(`${name}: failed\n${String(error.stderr || error.stack || error).slice(0, 4000)}`)
  }
}
for (const { name } of skipped) console.log(`${name}: skipped because of SKIP_HOSTS`)
console.table(rows)
for (const column of ['features', 'model', 'predictions', 'tuned']) {
  const hashes = new Set(rows.map((row) => row[column]))
  if (hashes.size <= 1) continue
  failed = true
  console.error(`${column} differ: ${[...hashes].join(', ')}`)
}
const left = skipped.length > 0 ? `, ${skipped.length} skipped` : ''
console.log(failed ? 'hosts: FAILED' : `hosts: ${wanted.length} agree${left}`)
process.exitCode = failed || rows.length === 0 ? 1 : 0
