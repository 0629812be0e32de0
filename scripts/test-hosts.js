// Runs one program on every host, from the package as it would be published, and compares the hashes.
//
// npm run test:hosts [-- --no-build] [names of hosts]; SKIP_HOSTS="Firefox,WebKitGTK" leaves some out.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { chromium, firefox, webkit } from '../test/hosts/browsers.js'
import { edgeRuntime } from '../test/hosts/edge-runtime.js'
import { exampleData } from '../test/hosts/example-data.js'
import { installPackage, skippedHosts } from '../test/hosts/package.js'
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
const project = installPackage()
const rows = []
let failed = false
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
for (const { name } of skipped) console.log(`${name}: skipped, as SKIP_HOSTS wants`)
console.table(rows)
for (const column of ['features', 'model', 'predictions']) {
  const hashes = new Set(rows.map((row) => row[column]))
  if (hashes.size <= 1) continue
  failed = true
  console.error(`${column} differ: ${[...hashes].join(', ')}`)
}
const left = skipped.length > 0 ? `, ${skipped.length} skipped` : ''
console.log(failed ? 'hosts: FAILED' : `hosts: ${wanted.length} agree${left}`)
process.exitCode = failed || rows.length === 0 ? 1 : 0
