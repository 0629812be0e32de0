// Measures the size of the package for its users: node scripts/sizes.js [--json]. Needs a build. For each entry point, prints
// the gzipped size of all its exports, bundled and minified, and of its WebAssembly, with its budget.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length

/** Maximum gzipped bytes of each entry point, and of an edge function that only predicts; see test/package/sizes.test.ts. */
export const budgets = JSON.parse(readFileSync(new URL('size-budgets.json', import.meta.url), 'utf8'))

/** Bundles code like the tools of edge platforms: scripts, with the WebAssembly next to them as modules. */
export async function bundleForEdge(code, options = {}) {
  return (await bundle(code, options)).outputFiles
}

/** The same, each file with `isOnDemand`: whether no static import leads to it. */
async function bundleForPage(code, options) {
  const { outputFiles, metafile } = await bundle(code, { ...options, metafile: true })
  const named = (path) => path.replace(/^.*\//, '')
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, output]) => [named(path), output]))
  const wanted = new Set()
  const want = (name) => {
    if (wanted.has(name)) return
    wanted.add(name)
    for (const { path, kind } of outputs.get(name)?.imports ?? []) {
      if (kind === 'import-statement') want(named(path))
    }
  }
  for (const [name, { entryPoint }] of outputs) if (entryPoint === '<stdin>') want(name)
  return outputFiles.map(({ path, contents }) => {
    const isOnDemand = path.endsWith('.js') && !wanted.has(named(path))
    return { path, contents, isOnDemand }
  })
}

function bundle(code, options) {
  return build({
    stdin: { contents: code, resolveDir: root },
    ...{ bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, outdir: '/' },
    conditions: ['workerd', 'worker', 'browser', 'import'],
    loader: { '.wasm': 'copy' },
    logLevel: 'error',
    ...options,
  })
}

/** The gzipped bytes of an entry point in package.json's `exports`, such as './svm': `{ script, wasm }`. */
export async function entrySize(entry) {
  const options = { splitting: true, ...(entry === './bundler' ? { platform: 'node' } : {}) }
  const files = await bundleForEdge(`export * from 'softmargin${entry.slice(1)}'`, options)
  const sum = (ending) =>
    files
      .filter(({ path }) => path.endsWith(ending))
      .reduce((bytes, { contents }) => bytes + gzipped(contents), 0)
  return { script: sum('.js'), wasm: sum('.wasm') }
}

/**
 * The gzipped bytes that a page downloads before its first prediction, by part; `onnx` is the bundled CNN.
 *
 * @param code the page's code, such as "export { ImageClassifier } from 'softmargin'"
 * @param splitting whether dynamic imports become separate files. A single file contains nothing unused.
 * @param isAnswering whether the page only predicts, so that what is imported on demand, as for a fit, does not count
 * @returns `{ script, engines, runtime, codecs, onnx }`; 0 for parts that the code does not need. ONNX Runtime is not
 *   counted, because a page only loads it for networks that softmargin's own engine does not support.
 */
export async function downloadSize(code, splitting = true, isAnswering = false) {
  const sizes = { script: 0, engines: 0, codecs: 0, onnx: 0 }
  for (const { path, contents, isOnDemand } of await bundleForPage(code, { splitting })) {
    if (splitting && /\/(ort[-.]|session-)/.test(path)) continue
    // The script of the JPEG decoder belongs to it.
    const isCodec = splitting && /\/decode-\w+\.js$/.test(path)
    if (isAnswering && isOnDemand && !isCodec) continue
    const part = isCodec
      ? 'codecs'
      : path.endsWith('.js')
        ? 'script'
        : /\/(svm|cnn)/.test(path)
          ? 'engines'
          : 'codecs'
    sizes[part] += gzipped(contents)
  }
  if (sizes.codecs > 0) sizes.onnx = gzipped(readFileSync(new URL('../dist/tiny.onnx', import.meta.url)))
  return sizes
}

/** The README's table of downloads. */
export async function downloadTable() {
  const uses = [
    ['train and classify in a page', "export { ImageClassifier } from 'softmargin'"],
    ['the same, from `softmargin/lite`', "export { ImageClassifier } from 'softmargin/lite'"],
    ['classify with a saved classifier', "export { ImageClassifier } from 'softmargin/lite'", true, true],
    ['train an SVM on rows of numbers', "export { SVC } from 'softmargin/svm'"],
    ['predict with a trained SVM', "export { SvcPredictor } from 'softmargin/svm'", false],
  ]
  const rows = await Promise.all(
    uses.map(async ([use, code, splitting, isAnswering]) => {
      const { script, engines, codecs, onnx } = await downloadSize(code, splitting, isAnswering)
      const all = script + engines + codecs + onnx
      return [use, ...[script + engines, onnx, codecs, all].map(inWords)]
    }),
  )
  return [
    ['', 'softmargin and its engines', 'the CNN', 'the JPEG decoder', 'together'],
    Array(5).fill('---'),
    ...rows,
  ].map((cells) => `| ${cells.join(' | ')} |`)
}

function inWords(bytes) {
  if (bytes === 0) return ''
  return bytes < 1e6
    ? `${(bytes / 1e3).toPrecision(bytes < 1e5 ? 2 : 3)} kB`
    : `${(bytes / 1e6).toFixed(1)} MB`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rows = []
  for (const [entry, budget] of Object.entries(budgets.entries)) {
    const { script, wasm } = await entrySize(entry)
    rows.push({ entry, script, wasm, total: script + wasm, budget: budget.script + budget.wasm })
  }
  if (process.argv.includes('--json')) console.log(JSON.stringify(rows, undefined, 2))
  else {
    console.log('| entry | script | WebAssembly | total, gzipped | budget |')
    console.log('| --- | ---: | ---: | ---: | ---: |')
    for (const { entry, ...bytes } of rows) {
      const cells = Object.values(bytes).map((value) => `${(value / 1000).toFixed(1)} kB`)
      console.log(`| \`${entry}\` | ${cells.join(' | ')} |`)
    }
    console.log(`\n${(await downloadTable()).join('\n')}`)
  }
}
