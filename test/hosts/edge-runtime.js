import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { checkAnswer } from './example-data.js'
import { installHost } from './package.js'

/** Vercel's runtime for edge functions, in this Node. */
export const edgeRuntime = {
  name: 'edge-runtime',
  async run(project) {
    const modules = join(project, 'node_modules')
    const runtime = await startEdgeRuntime(join(project, 'edge-runtime/worker.js'), {
      assets: {
        'svm.wasm': await compile(join(modules, 'softmargin/dist/svm.wasm')),
        'tiny.onnx': new Uint8Array(await readFile(join(modules, 'softmargin/dist/tiny.onnx'))),
        'jpeg.wasm': await compile(join(modules, '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm')),
        'png.wasm': await compile(join(modules, '@jsquash/png/codec/pkg/squoosh_png_bg.wasm')),
        'onnxruntime.wasm': await compile(join(modules, 'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm')),
      },
    })
    const response = await runtime.fetch('http://localhost/')
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()).map((row) => ({ version: runtime.version, ...row }))
  },
  async example(project) {
    const svmWasm = await compile(join(project, 'node_modules/softmargin/dist/svm.wasm'))
    const runtime = await startEdgeRuntime(join(project, 'examples/edge-runtime/decide.js'), { svmWasm })
    const post = (body) => runtime.fetch('http://localhost/', { method: 'POST', body })
    await checkAnswer(post, JSON.stringify([4, 5]), 2)
  },
}

export async function compile(path) {
  return WebAssembly.compile(await readFile(path))
}

/** Bundles a worker into one script and starts it; `globals` is what the host hands in. */
export async function startEdgeRuntime(entry, globals) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    conditions: ['edge-light', 'worker', 'browser', 'import'],
    // A script has no URL of its own.
    loader: { '.libsvm': 'text' },
    define: { 'import.meta.url': '"file:///worker.js"' },
    logLevel: 'error',
  })
  const require = createRequire(join(installHost('edge-runtime'), 'package.json'))
  const { EdgeRuntime } = await import(pathToFileURL(require.resolve('edge-runtime')))
  const runtime = new EdgeRuntime({
    initialCode: outputFiles[0].text,
    extend: (context) => Object.assign(context, globals),
  })
  const { version } = require('edge-runtime/package.json')
  return { version, fetch: (url, init) => runtime.dispatchFetch(url, init) }
}
