// Builds a page: node build.js <bundler> <folder of the page> <output folder>. The options are all that each bundler
// needs, as the README says.
import { copyFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [bundler, page, outdir, tools] = process.argv.slice(2)
const fromTools = createRequire(join(tools, 'package.json'))
const load = async (name) => import(pathToFileURL(fromTools.resolve(name)))
const main = join(page, 'main.js')
const fromPage = createRequire(main)

const builds = {
  async vite() {
    const { build } = await load('vite')
    await build({
      ...{ root: page, base: './', logLevel: 'error', configFile: false, build: { outDir: outdir } },
      worker: { format: 'es' },
    })
  },
  async webpack() {
    const { default: webpack } = await load('webpack')
    const compiler = webpack({ mode: 'production', entry: main, output: { path: outdir } })
    const stats = await new Promise((resolve, reject) =>
      compiler.run((error, stats) => (error ? reject(error) : resolve(stats))),
    )
    if (stats.hasErrors()) throw new Error(stats.toString('errors-only'))
  },
  async rollup() {
    const [{ rollup }, { nodeResolve }, { softmarginRollup }] = await Promise.all([
      load('rollup'),
      load('@rollup/plugin-node-resolve'),
      import(pathToFileURL(fromPage.resolve('softmargin/bundler'))),
    ])
    const bundle = await rollup({
      input: main,
      onLog() {},
      plugins: [softmarginRollup(), nodeResolve({ browser: true })],
    })
    await bundle.write({ dir: outdir, format: 'es' })
  },
  async esbuild() {
    const [{ build }, { softmarginEsbuild }] = await Promise.all([
      load('esbuild'),
      import(pathToFileURL(fromPage.resolve('softmargin/bundler'))),
    ])
    await build({ entryPoints: [main], bundle: true, outdir, plugins: [softmarginEsbuild()] })
  },
}

await builds[bundler]()
if (bundler !== 'vite') copyFileSync(join(page, 'index.html'), join(outdir, 'index.html'))
