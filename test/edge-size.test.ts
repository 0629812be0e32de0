import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'

/** Bundles a worker as Cloudflare's tool does: one script, and the WebAssembly beside it. */
async function bundle(code: string) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    ...{ bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, outdir: '/' },
    conditions: ['workerd', 'worker', 'browser', 'import'],
    loader: { '.wasm': 'copy' },
    logLevel: 'error',
  })
  return outputFiles
}

describe('a bundle for an edge function', () => {
  it('that predicts with an SVM has 20 kB, gzipped, with its WebAssembly', async () => {
    const files = await bundle(
      "import { SvcPredictor } from 'softmargin/svm'\nexport default SvcPredictor.fromLibsvm",
    )
    expect(files.map(({ path }) => path.replace(/.*\./, '')).sort()).toEqual(['js', 'wasm'])
    const bytes = files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0)
    expect(bytes).toBeLessThanOrEqual(20_000)
  })

  it('holds the WebAssembly that its entry needs, each file once', async () => {
    const wasm = async (code: string) =>
      (await bundle(code))
        .map(({ path }) => path.replace(/^.*\/|-\w+(?=\.)/g, ''))
        .filter((name) => name.endsWith('.wasm'))
        .sort()
    const all = ['mozjpeg_dec.wasm', 'ort-wasm-simd-threaded.wasm', 'squoosh_png_bg.wasm', 'svm.wasm']
    expect(await wasm("export { SVC } from 'softmargin/svm'")).toEqual(['svm.wasm'])
    expect(await wasm("export { ImageClassifier } from 'softmargin'")).toEqual(all)
    expect(await wasm("export { spawn } from 'softmargin/worker'")).toEqual(all)
    expect(await wasm("export * from 'softmargin'\nexport { spawn } from 'softmargin/worker'")).toEqual(all)
  })
})

describe('the built package', () => {
  it('calls its classes by their names', async () => {
    const softmargin = await import('softmargin')
    for (const [name, value] of Object.entries(softmargin)) {
      if (typeof value === 'function') expect(value.name).toBe(name)
    }
  })
})
