// Measures the size of the package for its users: node scripts/sizes.js [--json]. Needs a build. For each entry point, prints
// the gzipped size of all its exports, bundled and minified, and of its WebAssembly, with its budget.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
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
 * The gzipped bytes that a page may download, by part; `onnx` is the bundled CNN.
 *
 * @param code the page's code, such as "export { ImageClassifier } from 'softmargin'"
 * @param splitting whether dynamic imports become separate files. A single file contains nothing unused.
 * @returns `{ script, engines, runtime, codecs, onnx }`; 0 for parts that the code does not need. ONNX Runtime is not
 *   counted, because a page only loads it for networks that softmargin's own engine does not support.
 */
export async function downloadSize(code, splitting = true) {
  const sizes = { script: 0, engines: 0, codecs: 0, onnx: 0 }
  for (const { path, contents } of await bundleForEdge(code, { splitting })) {
    if (splitting && /\/(ort[-.]|session-)/.test(path)) continue
    // The script of the JPEG decoder belongs to it.
    const isCodec = splitting && /\/decode-\w+\.js$/.test(path)
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

/** A program that fits a classifier on a few images and saves it. */
const fitting = `
  import { writeFileSync } from 'node:fs'
  import { ImageClassifier } from 'softmargin/lite'
  const plain = (value) => ({ data: new Uint8Array(48).fill(value), width: 4, height: 4, channels: 3 })
  const classifier = await ImageClassifier.create()
  const labels = ['dark', 'bright', 'dark', 'bright']
  await classifier.fit([0, 255, 10, 245].map(plain), labels, { onWarning: () => {} })
  writeFileSync(process.argv[1], await classifier.save())
`
/** A program that labels an image with a saved classifier, and writes the hashes of the WebAssembly that it compiles. */
const answering = `
  import { createHash } from 'node:crypto'
  import { readFileSync } from 'node:fs'
  const { compile } = WebAssembly
  WebAssembly.compile = (bytes) => {
    console.log(createHash('sha256').update(bytes).digest('hex'))
    return compile(bytes)
  }
  import { ImageClassifier } from './stdin.js'
  const [model, image] = process.argv.slice(2).map((file) => new Uint8Array(readFileSync(file)))
  const classifier = await ImageClassifier.load(model)
  await classifier.predict([image])
  classifier.dispose()
`

/**
 * The gzipped bytes that are loaded before the first label of a classifier that `softmargin/lite` reads from the bytes of a
 * file, beside the CNN and the image decoder. Node tells which scripts a process has executed, so that it does not matter
 * whether they were imported statically or on demand.
 *
 * @returns `{ script, engines, files }`; `files` is the number of scripts and WebAssembly modules
 */
export async function answeringSize() {
  // Two levels deep, like the scripts of the package, which look for WebAssembly beside themselves.
  const folder = `${root}coverage/answering`
  rmSync(folder, { recursive: true, force: true })
  await bundle("export { ImageClassifier } from 'softmargin/lite'", {
    ...{ splitting: true, conditions: ['browser', 'import'], write: true, outdir: folder },
    external: ['@jsquash/*', 'jpeg-js'],
  })
  writeFileSync(`${folder}/program.mjs`, answering)
  const run = (args, env = {}) =>
    execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } })
  run(['--input-type=module', '-e', fitting, `${folder}/saved.onnx`])
  const image = `${root}test/fixtures/images/baseline.jpg`
  const coverage = `${folder}/coverage`
  const compiled = run([`${folder}/program.mjs`, `${folder}/saved.onnx`, image], {
    NODE_V8_COVERAGE: coverage,
  })
  const scripts = readdirSync(coverage)
    .flatMap((file) => JSON.parse(readFileSync(`${coverage}/${file}`, 'utf8')).result)
    .filter(({ url }) => url.startsWith(pathToFileURL(folder).href) && url.endsWith('.js'))
    .map(({ url }) => fileURLToPath(url))
  const executed = [...new Set(scripts)]
  const sum = (files) => files.reduce((bytes, file) => bytes + gzipped(readFileSync(file)), 0)
  const engines = readdirSync(`${root}dist`)
    .filter((file) => file.endsWith('.wasm'))
    .map((file) => `${root}dist/${file}`)
    .filter((file) => compiled.includes(createHash('sha256').update(readFileSync(file)).digest('hex')))
  return { script: sum(executed), engines: sum(engines), files: executed.length + engines.length }
}

/** The README's table of downloads. */
export async function downloadTable() {
  const lite = "export { ImageClassifier } from 'softmargin/lite'"
  const uses = [
    ['train and classify in a page', downloadSize("export { ImageClassifier } from 'softmargin'")],
    ['the same, from `softmargin/lite`', downloadSize(lite)],
    ['classify with a saved classifier', { ...(await downloadSize(lite)), ...(await answeringSize()) }],
    ['train an SVM on rows of numbers', downloadSize("export { SVC } from 'softmargin/svm'")],
    ['predict with a trained SVM', downloadSize("export { SvcPredictor } from 'softmargin/svm'", false)],
  ]
  const rows = await Promise.all(
    uses.map(async ([use, measured]) => {
      const { script, engines, codecs, onnx } = await measured
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
