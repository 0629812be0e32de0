import './allocations.ts'
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { hardProblems, isSound, outcomeTable } from '../interop/hard-problems.ts'
import { formats } from './formats.ts'
import { FuzzFailure, fuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '10' },
    format: { type: 'string' },
    problems: { type: 'string' },
  },
})
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
    if (!(error instanceof FuzzFailure)) throw error
    mkdirSync('.cache/fuzz', { recursive: true })
    const path = `.cache/fuzz/${format.name.replaceAll(/\W+/g, '-')}.bin`
    writeFileSync(path, error.bytes)
    console.error(`${error.message}\nthe file: ${path}`)
    console.error(error.cause)
    process.exitCode = 1
  }
}
console.log(`${total} damaged files, seed ${seed}`)
