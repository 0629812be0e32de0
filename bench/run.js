// npm run bench [-- --quick] [--runs=N] [--only=text] [--peers=a,b]
// npm run bench -- extract [--quick] [MODEL.onnx ...]  pictures to features (extract.js)
// npm run bench -- image-threads [--quick] pictures on one thread and on two (image-threads.js)
// npm run bench -- large-photo             decoding 12 megapixels (large-photo.js)
// npm run bench -- layers [models...]      agreement with the native runtime (layers.js)
// npm run bench -- memory FOLDER           memory over 20,000 pictures (memory.js)
// npm run bench -- modules FOLDER          agreement with PyTorch, transformers included (modules.js)
// npm run bench -- network [--quick]       softmargin's CNN engine and ONNX Runtime (network.js)
// npm run bench -- training-step [--quick] a step of training beside PyTorch (training-step.js)
// npm run bench -- threads [--quick]       one thread and two (threads.js)
// npm run bench -- number-types            weights in float16, int8 and 4 bits (number-types.js)
// npm run bench -- photo-size FOLDER       which input size suits large photos (photo-size.js)
// npm run bench -- serve [--quick]         a server under 50 clients (serve.js)
// node bench/pictures-a-class.js FOLDER    accuracy by pictures per class (pictures-a-class.js)
//
// Compares softmargin with scikit-learn, LIBSVM, libsvm-js and ml-svm, each on one thread in a separate process; only fit
// and predict are timed. SOFTMARGIN_DATA is a folder of pictures (see pictures.js); without it, digits are used.
// The library that draws the plot is not a dependency of the package: npm ci --prefix bench.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadFeatures } from './features.js'
import { timesOfFits } from './figures.js'
import { listJobs, writeJob } from './jobs.js'
import { nodeWithRelaxedSimd } from './newer-node.js'
import { compile, findPeers, peersFolder, runPeer } from './peers.js'
import { describe, median, table } from './report.js'
import { summary } from './summary.js'

const parts = [
  'extract',
  'image-threads',
  'large-photo',
  'layers',
  'memory',
  'modules',
  'network',
  'number-types',
  'photo-size',
  'serve',
  'threads',
  'training-step',
]
const part = parts.find((name) => name === process.argv[2])
if (part) {
  await import(`./${part}.js`)
  process.exit()
}

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
  },
})
if (!existsSync(new URL('../dist/lib/svm.js', import.meta.url))) {
  console.error('The package is not built; run npm run build first')
  process.exit(1)
}
const date = new Date().toISOString().slice(0, 10)
/** Fits that take longer than this are only run once; seconds. */
const LONG = 10
const limitSeconds = flags.quick ? 120 : 900
const node = nodeWithRelaxedSimd()
const folder = peersFolder()

const machine = describeMachine()
console.log(`${machine.processor}, Node ${machine.node}; one thread each; medians of ${flags.runs} runs\n`)

const wanted = flags.peers ? flags.peers.split(',') : undefined
const peers = findPeers(node).filter(({ name }) => wanted?.some((text) => name.includes(text)) ?? true)
for (const { name, absent } of peers) if (absent) console.log(`Absent: ${name}: ${absent}`)

const tiles = measureTiles()
// Jobs on generated rows need no features, which take minutes to extract.
const drawn = /^(raw digits|easy|overlapping)/.test(flags.only)
const featureSets = drawn ? [] : await loadFeatures(folder, flags.quick ? 4000 : 75_000)
const jobs = listJobs(featureSets, flags.quick).filter(({ title }) => title.includes(flags.only))
const measured = []
for (const job of jobs) {
  measured.push(await measure(writeJob(job, folder)))
  // Results of a partial run must not replace those of a full one. Results are saved after each job, in case of an abort.
  if (!flags.only && !flags.peers) save()
}
if (!flags.only && !flags.peers) {
  await draw()
  console.log(`\nWritten: ${resultPath()}.json and .svg. In short, for the README:\n`)
  console.log(summary({ jobs: measured }).join('\n'))
}

/** Runs all programs on one job, in turn, several times, so that other work on the machine slows all of them alike. */
async function measure(job) {
  console.log(`\n${describe(job)}`)
  // Short work is also repeated within a process, often enough for just-in-time compilation to finish.
  const prepared = { ...job, repeat: job.grid || job.rows > 1000 ? 1 : job.rows < 1000 ? 200 : 30 }
  const path = `${folder}job.json`
  writeFileSync(path, JSON.stringify(prepared))
  const entries = peers
    .filter(({ absent }) => !absent)
    .map((peer) => ({ peer, refused: peer.refuses?.(prepared), fit: [], predict: [], last: {} }))
  for (let run = 0; run < Number(flags.runs); run++) {
    for (const entry of entries) {
      // Long work is not repeated, because noise matters little.
      if (entry.refused || entry.last.failed || entry.fit.some((time) => time > LONG)) continue
      entry.last = await runPeer(entry.peer, prepared, path, limitSeconds)
      entry.fit.push(...(entry.last.fit ?? []))
      entry.predict.push(...(entry.last.predict ?? []))
    }
  }
  const answers = entries.map(({ peer, refused, fit, predict, last }) => {
    const failed = refused || last.failed
    if (failed) return { name: peer.name, failed }
    return {
      ...last,
      name: peer.name,
      fit: median(fit),
      predict: predict.length > 0 ? median(predict) : undefined,
      fitTimes: fit,
      predictTimes: predict,
    }
  })
  console.log(table(answers))
  if (job.grid) console.log(gridAgreement(answers))
  const { train, trainLabels, test, testLabels, ...facts } = job
  return { ...facts, answers }
}

/** The largest difference of a candidate's mean score from scikit-learn's. */
function gridAgreement(answers) {
  const scores = (name) => answers.find((answer) => answer.name === name)?.meanTestScore
  const [ours, theirs] = [scores('softmargin strict'), scores('scikit-learn')]
  if (!ours || !theirs) return ''
  const distance = Math.max(...ours.map((score, i) => Math.abs(score - theirs[i])))
  return `  largest distance of a candidate's mean score from scikit-learn's: ${distance.toFixed(4)}`
}

/** Compares the engine's tiles with the machine's peak of 128-bit fused multiply-adds. */
function measureTiles() {
  let peak
  try {
    peak = Number(execFileSync(compile('peak', ['-O2', '-mfma'])).toString())
  } catch {
    console.log('Not measured: the peak of the machine, because peak.c cannot be compiled or run')
  }
  const script = fileURLToPath(new URL('tiles.js', import.meta.url))
  const rates = Object.fromEntries(
    ['relaxed', 'strict'].map((simd) => [simd, JSON.parse(execFileSync(node, [script, simd]).toString())]),
  )
  console.log(`\nTiles, GFLOP/s${peak ? ` (peak of 128-bit multiply-adds: ${peak})` : ''}`)
  for (const [simd, results] of Object.entries(rates)) {
    const cells = results.map(({ width, gflops }) => {
      const share = peak ? ` (${Math.round((100 * gflops) / peak)} %)` : ''
      return `d = ${width}: ${gflops}${share}`
    })
    console.log(`  ${simd.padEnd(8)} ${cells.join('  ')}`)
  }
  return { peak, ...rates }
}

function describeMachine() {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    memory: totalmem(),
    node: execFileSync(node, ['--version']).toString().trim().slice(1),
  }
}

function resultPath() {
  return fileURLToPath(new URL(`results/${date}${flags.quick ? '-quick' : ''}`, import.meta.url))
}

function save() {
  const name = resultPath()
  mkdirSync(dirname(name), { recursive: true })
  // Five digits are more than clocks justify.
  const short = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value)
  writeFileSync(`${name}.json`, `${JSON.stringify({ date, machine, tiles, jobs: measured }, short)}\n`)
}

/** Draws the plot of the results if the charting library is installed. */
async function draw() {
  try {
    const svg = await timesOfFits(measured)
    if (svg) writeFileSync(`${resultPath()}.svg`, svg)
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    console.log('\nNot drawn: npm ci --prefix bench && node bench/draw.js')
  }
}
