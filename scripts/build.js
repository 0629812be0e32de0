// Builds everything that ships into dist/: the wasm engine (strict and relaxed), the bundles, the types, the CNN.
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
 * One source, several builds: the relaxed ones let the engine fuse its multiply-adds, those for threads take a
 * shared memory.
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
// The kernels of networks are a file of their own: who only decides on features does not load them.
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
 * esbuild writes a class that names itself as `var SVC = class _SVC`, and it would be printed so. Its `keepNames`
 * sets the names by calls, which keep every class in a bundle, used or not.
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
  // Two levels deep, as src/host is: `new URL('../../dist/svm.wasm', import.meta.url)` then names the same
  // file from the sources and from the bundles.
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
