// Runs the fuzzers: readers with damaged files of every format, and the solver with small random problems ("solver"):
// npm run fuzz -- --runs 100000 --seed 1 --minutes 10 --format CSV
// npm run fuzz -- --format solver --runs 1000000 --minutes 60 --from 0
// npm run fuzz -- --problems 500 --seed 1      hard problems in comparison with scikit-learn
import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
if (!existsSync('dist/svm.wasm')) throw new Error('the engine is not built; run npm run build first')
// Two levels deep, like src/host, so that it finds the engine.
const outfile = '.cache/fuzz/fuzz.js'
await build({
  entryPoints: ['test/fuzz/main.ts'],
  outfile,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  packages: 'external',
  logLevel: 'error',
})
await import(pathToFileURL(outfile).href)
