// Runs one program on every host, from the package as it would be published, and compares the hashes.
//
// npm run test:hosts [-- --no-build] [names of hosts]; SKIP_HOSTS="Firefox,WebKitGTK" leaves some out.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { chromium, firefox, webkit } from '../test/hosts/browsers.js'
import { edgeRuntime } from '../test/hosts/edge-runtime.js'
import { exampleData } from '../test/hosts/example-data.js'
import { installPackage } from '../test/hosts/package.js'
import { bun, deno, node } from '../test/hosts/processes.js'
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

const skipped = (process.env.SKIP_HOSTS ?? '').split(',').map((name) => name.trim())
const wanted = hosts.filter(
  ({ name }) => (names.length === 0 || names.includes(name)) && !skipped.includes(name),
)
const project = installPackage()
const rows = []
let failed = false
const data = await exampleData(project)
for (const { name, run, example } of wanted) {
  try {
    for (const row of await run(project)) rows.push({ host: name, ...row })
    await example?.(project, data)
    console.log(example ? `${name}: ran, and its example` : `${name}: ran`)
  } catch (error) {
    failed = true
    console.error(`${name}: failed\n${String(error.stderr || error.stack || error).slice(0, 4000)}`)
  }
}
console.table(rows)
for (const column of ['features', 'model', 'predictions']) {
  const hashes = new Set(rows.map((row) => row[column]))
  if (hashes.size <= 1) continue
  failed = true
  console.error(`${column} differ: ${[...hashes].join(', ')}`)
}
console.log(failed ? 'hosts: FAILED' : `hosts: ${wanted.length} agree`)
process.exitCode = failed || rows.length === 0 ? 1 : 0
