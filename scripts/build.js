// Builds everything that the package contains into dist/: the WebAssembly engines, the bundles, the types and the CNN.
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { build } from 'esbuild'
import { writeDeclarations } from './declarations.js'
import { writeEngineBindings } from './engine-bindings.js'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
rmSync('dist', { recursive: true, force: true })
mkdirSync('dist', { recursive: true })

/**
 * Compiles one build of an engine. Of each source there are several: relaxed builds allow the host to fuse multiply-adds,
 * and builds for threads import a shared memory.
 */
async function assemble(entry, outFile, features, flags = []) {
  const { error, stderr } = await asc.main([
    entry,
    ...['--outFile', outFile],
    ...['--runtime', 'stub', '--noAssert'],
    ...['--importMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
    ...['-O3', '--converge'],
    ...flags,
    ...features.flatMap((feature) => ['--enable', feature]),
  ])
  if (error) throw new Error(`asc: ${stderr.toString()}`)
}
await writeEngineBindings()
await assemble('assembly/index.ts', 'dist/svm.wasm', ['simd'])
await assemble('assembly/index.ts', 'dist/svm.relaxed.wasm', ['simd', 'relaxed-simd'])
await assemble('assembly/index.ts', 'dist/svm.threads.wasm', ['simd', 'threads'], ['--sharedMemory'])
await assemble(
  'assembly/index.ts',
  'dist/svm.relaxed.threads.wasm',
  ['simd', 'relaxed-simd', 'threads'],
  ['--sharedMemory'],
)
// The kernels of the CNN engine are a separate file, so that programs that only use an SVM do not load them.
await assemble('assembly/cnn/index.ts', 'dist/cnn.wasm', ['simd'])
await assemble('assembly/cnn/index.ts', 'dist/cnn.relaxed.wasm', ['simd', 'relaxed-simd'])
await assemble('assembly/cnn/index.ts', 'dist/cnn.threads.wasm', ['simd', 'threads'], ['--sharedMemory'])
await assemble(
  'assembly/cnn/index.ts',
  'dist/cnn.relaxed.threads.wasm',
  ['simd', 'relaxed-simd', 'threads'],
  ['--sharedMemory'],
)

/**
 * Restores the names of classes. esbuild writes a class that refers to itself as `var SVC = class _SVC`, which would
 * change its name. Its option `keepNames` sets names by calls, which would keep unused classes in users' bundles.
 */
function withClassNames(code) {
  const named = [...code.matchAll(/^var (\w+) = class _\1\b/gm)].map(([, name]) => name)
  return named.reduce((text, name) => text.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name), code)
}

const entries = [
  'src/cli/cli.ts',
  { in: 'src/entries/main.ts', out: 'index' },
  { in: 'src/entries/lite-entry.ts', out: 'lite' },
  { in: 'src/entries/svm-entry.ts', out: 'svm' },
  ...['src/entries/thread.ts', 'src/entries/thread-lite.ts', 'src/entries/thread-svm.ts'],
  { in: 'src/entries/workerd.ts', out: 'index.workerd' },
  { in: 'src/entries/workerd-lite.ts', out: 'lite.workerd' },
  { in: 'src/entries/workerd-svm.ts', out: 'svm.workerd' },
  { in: 'src/entries/workerd-worker.ts', out: 'worker.workerd' },
  'src/entries/bundler.ts',
  { in: 'src/worker/spawn.ts', out: 'worker' },
  { in: 'src/worker/entry.ts', out: 'worker-entry' },
].map((entry) => (typeof entry === 'string' ? { in: entry, out: basename(entry, '.ts') } : entry))
const { outputFiles } = await build({
  entryPoints: entries,
  // Two levels deep, like src/host, so that `new URL('../../dist/svm.wasm', import.meta.url)` refers to the same file
  // from the sources and from the bundles.
  outdir: 'dist/lib',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  packages: 'external',
  external: ['*.wasm'],
  sourcemap: true,
  legalComments: 'none',
  write: false,
})
mkdirSync('dist/lib')
for (const { path, text } of outputFiles) writeFileSync(path, withClassNames(text))
if (existsSync('dist/lib/cli.js')) chmodSync('dist/lib/cli.js', 0o755)

await writeDeclarations('dist/types')
copyFileSync('models/tiny/tiny.onnx', 'dist/tiny.onnx')
copyFileSync('models/tiny/background.bin', 'dist/tiny-background.bin')
