import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { budgets, bundleForEdge } from '../../scripts/sizes.js'

describe('a bundle for an edge function', () => {
  it('that predicts with an SVM keeps to its budget, gzipped, with its WebAssembly', async () => {
    const files = await bundleForEdge(
      "import { SvcPredictor } from 'softmargin/svm'\nexport default SvcPredictor.fromLibsvm",
    )
    expect(files.map(({ path }) => path.replace(/.*\./, '')).sort()).toEqual(['js', 'wasm'])
    const bytes = files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0)
    expect(bytes).toBeLessThanOrEqual(budgets.edgeFunction)
  })

  it('holds the WebAssembly that its entry needs, each file once', async () => {
    const wasm = async (code: string) =>
      (await bundleForEdge(code))
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
