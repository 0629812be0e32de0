import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { checkAnswer } from './example-data.js'
import { installHost } from './package.js'

/** Vercel's runtime for edge functions, in this process. */
export const edgeRuntime = {
  name: 'edge-runtime',
  async run(project) {
    const tiny = new Uint8Array(await readFile(join(project, 'node_modules/softmargin/dist/tiny.onnx')))
    const script = await bundleScript(join(project, 'edge-runtime/worker.js'))
    const runtime = await startEdgeRuntime(script, {
      assets: { ...(await compileModules(project)), 'tiny.onnx': tiny },
    })
    const response = await runtime.fetch('http://localhost/')
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()).map((row) => ({ version: runtime.version, ...row }))
  },
  async example(project, { first, classifier }) {
    const examples = join(project, 'examples/edge-runtime')
    const modules = await compileModules(project)
    const wasm = await readFile(join(project, 'node_modules/softmargin/dist/svm.wasm'))
    const file = new Uint8Array(await readFile(classifier))
    for (const [name, globals, body, label] of [
      ['decide', { svmWasm: modules['svm.wasm'] }, JSON.stringify([4, 5]), 2],
      ['classify', { modules, classifier: file }, first.bytes, first.label],
    ]) {
      const script = await bundleScript(join(examples, `${name}.js`))
      const before = process.memoryUsage().rss
      const start = performance.now()
      const runtime = await startEdgeRuntime(script, globals)
      const post = (body) => runtime.fetch('http://localhost/', { method: 'POST', body })
      const started = performance.now()
      await checkAnswer(post, body, label)
      const answered = performance.now()
      await checkAnswer(post, body, label)
      const again = performance.now()
      const grown = (process.memoryUsage().rss - before) / 1e6
      const size = name === 'decide' ? gzip(script) + gzip(wasm) : gzip(script)
      console.log(
        `edge-runtime, ${name}: ${(size / 1000).toFixed(1)} kB gzipped${name === 'decide' ? '' : ' of script'}; starts in ` +
          `${(started - start).toFixed(0)} ms, first answer in ${(answered - started).toFixed(1)} ms, second in ` +
          `${(again - answered).toFixed(1)} ms; the process grows by ${grown.toFixed(0)} MB`,
      )
    }
  },
}

function gzip(text) {
  return gzipSync(text, { level: 9 }).length
}

/** Compiles the WebAssembly that a classifier needs, as the platform does before it starts a function. */
async function compileModules(project) {
  const modules = join(project, 'node_modules')
  const compiled = Object.entries({
    'svm.wasm': 'softmargin/dist/svm.wasm',
    'cnn.wasm': 'softmargin/dist/cnn.wasm',
    'jpeg.wasm': '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
    'onnxruntime.wasm': 'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  }).map(async ([name, path]) => [name, await WebAssembly.compile(await readFile(join(modules, path)))])
  return Object.fromEntries(await Promise.all(compiled))
}

/** Bundles a worker into one script. */
async function bundleScript(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    conditions: ['edge-light', 'worker', 'browser', 'import'],
    loader: { '.libsvm': 'text' },
    // A script has no import.meta.url.
    define: { 'import.meta.url': '"file:///worker.js"' },
    logLevel: 'error',
  })
  return outputFiles[0].text
}

/** Starts a script; `globals` are supplied by the platform. */
async function startEdgeRuntime(script, globals) {
  const require = createRequire(join(installHost('edge-runtime'), 'package.json'))
  const { EdgeRuntime } = await import(pathToFileURL(require.resolve('edge-runtime')))
  const runtime = new EdgeRuntime({
    initialCode: script,
    extend: (context) => Object.assign(context, globals),
  })
  const { version } = require('edge-runtime/package.json')
  return { version, fetch: (url, init) => runtime.dispatchFetch(url, init) }
}
