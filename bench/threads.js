// npm run bench -- threads [--quick] [--runs=N]
//
// Compares one thread with two threads in the same process, and with two processes of one thread each that do the same
// work at the same time. The slowdown of the two processes is a limit of the machine that two threads cannot avoid.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { loadFeatures } from './features.js'
import { listJobs, writeJob } from './jobs.js'
import { nodeWithRelaxedSimd } from './newer-node.js'
import { findPeers, peersFolder, runPeer } from './peers.js'
import { describe, median } from './report.js'

const { values: flags } = parseArgs({
  args: process.argv.slice(3),
  options: { quick: { type: 'boolean', default: false }, runs: { type: 'string', default: '3' } },
})
const folder = peersFolder()
const ours = findPeers(nodeWithRelaxedSimd()).filter(({ name }) => name.startsWith('softmargin'))
const jobs = listJobs(await loadFeatures(folder, flags.quick ? 4000 : 75_000), flags.quick)
const largest = (some) => some.reduce((a, b) => (b.rows > a.rows ? b : a))
const rows = flags.quick ? 2000 : 10_000
const wanted = [
  jobs.find((job) => job.series && job.rows === rows),
  { ...largest(jobs.filter((job) => job.grid)), rows },
]
for (const job of wanted) {
  // Short fits are repeated more often, because other work on the machine affects them more.
  const written = { ...writeJob(job, folder), repeat: job.grid ? 3 : 9 }
  console.log(`\n${describe(written)}`)
  for (const peer of ours) {
    for (const line of await compare(peer, written)) console.log(`  ${peer.name}: ${line}`)
  }
}

/** Seconds and ratios of one build; the variants run in turn, several times. */
async function compare(peer, job) {
  const path = (threads) => {
    const file = `${folder}job-${threads}.json`
    writeFileSync(file, JSON.stringify({ ...job, threads }))
    return file
  }
  const run = (threads) => runPeer(peer, job, path(threads), 3600)
  const [one, two, apart] = [[], [], []]
  for (let round = 0; round < Number(flags.runs); round++) {
    one.push(await run(1))
    two.push(await run(2))
    apart.push(await Promise.all([run(1), run(1)]))
  }
  return (job.grid ? ['fit'] : ['fit', 'predict']).map((what) => {
    const time = (timed) => best(timed, what)
    const alone = median(one.map(time))
    const shared = median(two.map(time))
    const beside = median(apart.map((both) => Math.max(...both.map(time))))
    return ratios(what, alone, shared, beside)
  })
}

function ratios(what, alone, shared, beside) {
  return [
    `${what}: 1 thread ${alone.toFixed(3)} s, 2 threads ${shared.toFixed(3)} s: ${(alone / shared).toFixed(2)} times as fast;`,
    `two processes at once take ${beside.toFixed(3)} s each: ${((2 * alone) / beside).toFixed(2)} times the work`,
  ].join(' ')
}

/** The best time; the first run of a process also starts threads and compiles code. */
function best({ failed, ...times }, what) {
  if (failed) throw new Error(failed)
  return Math.min(...times[what])
}
