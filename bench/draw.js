// node bench/draw.js
//
// Draws the plots of the committed results: bench/results/*.json to .svg. Needs `npm ci --prefix bench`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { picturesAClass, timesOfFits } from './figures.js'

const folder = fileURLToPath(new URL('results/', import.meta.url))

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const path = folder + file
  const run = JSON.parse(readFileSync(path, 'utf8'))
  const svg = await (run.jobs ? timesOfFits(run.jobs) : picturesAClass(run))
  if (svg) writeFileSync(path.replace(/json$/, 'svg'), svg)
}
