import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { budgets, bundleForEdge } from '../../scripts/sizes.js'

describe('a bundle for an edge function', () => {
  it('that predicts with an SVM stays within its budget, gzipped, including its WebAssembly', async () => {
    const files = await bundleForEdge(
      "import { SvcPredictor } from 'softmargin/svm'\nexport default SvcPredictor.fromLibsvm",
    )
    expect(files.map(({ path }) => path.replace(/.*\./, '')).sort()).toEqual(['js', 'wasm'])
    const bytes = files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0)
    expect(bytes).toBeLessThanOrEqual(budgets.edgeFunction)
  })

  it('contains the WebAssembly that its entry needs, each file once', async () => {
    const wasm = async (code: string) =>
      (await bundleForEdge(code))
        .map(({ path }) => path.replace(/^.*\/|-\w+(?=\.)/g, ''))
        .filter((name) => name.endsWith('.wasm'))
        .sort()
    const lite = ['cnn.wasm', 'mozjpeg_dec.wasm', 'svm.wasm']
    const all = [...lite, 'ort-wasm-simd-threaded.wasm'].sort()
    expect(await wasm("export { ImageClassifier } from 'softmargin/lite'")).toEqual(lite)
    expect(await wasm("export { SVC } from 'softmargin/svm'")).toEqual(['svm.wasm'])
    expect(await wasm("export { ImageClassifier } from 'softmargin'")).toEqual(all)
    expect(await wasm("export { spawn } from 'softmargin/worker'")).toEqual(all)
    expect(await wasm("export * from 'softmargin'\nexport { spawn } from 'softmargin/worker'")).toEqual(all)
  })
})

describe('softmargin/lite', () => {
  it.each(['cloudflare-worker', 'edge-runtime'])(
    'classifies images in the example %s in under 3 MB, including the embedded CNN',
    async (example) => {
      const code = readFileSync(new URL(`../../examples/${example}/classify.js`, import.meta.url), 'utf8')
      const files = await bundleForEdge(code, { external: ['*.onnx'] })
      const cnn = readFileSync(new URL('../../dist/tiny.onnx', import.meta.url))
      const all = [...files.map(({ contents }) => contents), cnn]
      // Uncompressed, because platforms also limit that size.
      const bytes = all.reduce((sum, contents) => sum + contents.length, 0)
      expect(bytes).toBeLessThan(3e6)
      expect(bytes).toBeGreaterThan(1.5e6)
    },
  )

  it('contains nothing of onnxruntime-web', async () => {
    const files = await bundleForEdge("export * from 'softmargin/lite'")
    const script = files.find(({ path }) => path.endsWith('.js'))
    expect(new TextDecoder().decode(script!.contents)).not.toMatch(/ort-wasm|_OrtRun/)
  })
})

describe('the built package', () => {
  it('keeps the names of its classes', async () => {
    const softmargin = await import('softmargin')
    for (const [name, value] of Object.entries(softmargin)) {
      if (typeof value === 'function') expect(value.name).toBe(name)
    }
  })
})
