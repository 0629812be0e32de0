import './allocations.ts'
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { hardProblems, isSound, outcomeTable } from '../interop/hard-problems.ts'
import { formats } from './formats.ts'
import { FuzzFailure, fuzz } from './fuzz.ts'
import { fuzzFrames, fuzzStore } from './journal.ts'
import { fuzzSolver, SolverFailure } from './solver.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '10' },
    format: { type: 'string' },
    from: { type: 'string', default: '0' },
    problems: { type: 'string' },
  },
})
/** Saves the file on which a reader failed, and prints where it is. */
function reportFailure(name: string, error: unknown): void {
  if (!(error instanceof FuzzFailure)) throw error
  mkdirSync('.cache/fuzz', { recursive: true })
  const path = `.cache/fuzz/${name.replaceAll(/\W+/g, '-')}.bin`
  writeFileSync(path, error.bytes)
  console.error(`${error.message}\nthe file: ${path}`)
  console.error(error.cause)
  process.exitCode = 1
}

if (values.problems !== undefined) {
  const outcomes = await hardProblems(
    'test/interop/hard_problems.py',
    Number(values.seed),
    Number(values.problems),
  )
  console.log(outcomeTable(outcomes))
  const unsound = outcomes.filter((outcome) => !isSound(outcome))
  for (const outcome of unsound) console.error(outcome)
  console.log(
    `${outcomes.length} hard problems, seed ${values.seed}, ${unsound.length} unlike scikit-learn's`,
  )
  process.exit(unsound.length > 0 ? 1 : 0)
}
const until = Date.now() + Number(values.minutes) * 60_000
const seed = Number(values.seed)
const chosen = (await formats()).filter(({ name }) => values.format === undefined || name === values.format)
let total = 0
for (const format of chosen) {
  const start = Date.now()
  try {
    const report = await fuzz(format, Number(values.runs) / (format.cost ?? 1), seed, until)
    total += report.runs
    const memory = Math.round(process.memoryUsage().rss / 2 ** 20)
    console.log(
      [
        `${report.format.padEnd(17)} ${report.runs} files in ${((Date.now() - start) / 1000).toFixed(1)} s`,
        `${report.sound} read`,
        ...Object.entries(report.codes).map(([code, count]) => `${count} ${code}`),
        `largest array ${(report.largest / 2 ** 20).toFixed(1)} MB`,
        `slowest ${report.slowest.toFixed(0)} ms`,
        `process ${memory} MB`,
      ].join(', '),
    )
  } catch (error) {
    reportFailure(format.name, error)
  }
}

/** How many times slower it is to write and read files on disk than to read a file of a few kilobytes. */
const diskCost = 50
const journals: [string, () => number | Promise<number>][] = [
  ['journal frames', () => fuzzFrames(Number(values.runs), seed, until)],
  ['feature store on a disk', () => fuzzStore(Number(values.runs) / diskCost, seed, until)],
]
for (const [name, run] of journals) {
  if (values.format !== undefined && values.format !== name) continue
  try {
    const start = Date.now()
    const runs = await run()
    total += runs
    console.log(`${name.padEnd(17)} ${runs} runs in ${((Date.now() - start) / 1000).toFixed(1)} s`)
  } catch (error) {
    reportFailure(name, error)
  }
}
console.log(`${total} damaged files, seed ${seed}`)

if (values.format === undefined || values.format === 'solver') {
  const start = Date.now()
  try {
    const runs = Number(values.runs)
    const report = await fuzzSolver({ runs, seed, from: Number(values.from), until })
    console.log(
      [
        `solver            ${report.runs} fits in ${((Date.now() - start) / 1000).toFixed(1)} s`,
        ...Object.entries(report.counts).map(([way, count]) => `${count} ${way}`),
        `slowest ${report.slowest.toFixed(0)} ms (run ${report.slowestRun})`,
      ].join(', '),
    )
  } catch (error) {
    if (!(error instanceof SolverFailure)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}
