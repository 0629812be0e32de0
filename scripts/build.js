// Builds everything that the package contains into dist/: the WebAssembly engines, the bundles, the types and the CNN.
import { chmodSync, copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { writeBundles } from './bundles.js'
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
    // Not --converge: it repeats the optimizer until nothing changes, which doubles the time of the build and makes the
    // gzipped files less than one percent smaller.
    '-O3',
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
// Half of it, for programs that only predict.
await assemble('assembly/prediction.ts', 'dist/svm.prediction.wasm', ['simd'])
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
// Two thirds of it, for networks of plain convolutions that only run. Pages download it before their first label, so that
// every byte is worth the time.
await assemble('assembly/cnn/inference.ts', 'dist/cnn.inference.wasm', ['simd'], ['--converge'])

await writeBundles(
  {
    cli: 'cli/cli.ts',
    index: 'entries/main.ts',
    lite: 'entries/lite-entry.ts',
    svm: 'entries/svm-entry.ts',
    thread: 'entries/thread.ts',
    'thread-lite': 'entries/thread-lite.ts',
    'thread-svm': 'entries/thread-svm.ts',
    'index.workerd': 'entries/workerd.ts',
    'lite.workerd': 'entries/workerd-lite.ts',
    'svm.workerd': 'entries/workerd-svm.ts',
    'worker.workerd': 'entries/workerd-worker.ts',
    bundler: 'entries/bundler.ts',
    worker: 'worker/spawn.ts',
    'worker-entry': 'worker/entry.ts',
  },
  // Two levels deep, like src/host, so that `new URL('../../dist/svm.wasm', import.meta.url)` refers to the same file
  // from the sources and from the bundles.
  'dist/lib',
)
chmodSync('dist/lib/cli.js', 0o755)

await writeDeclarations('dist/types')
copyFileSync('models/tiny/tiny.onnx', 'dist/tiny.onnx')
copyFileSync('models/small/small.onnx', 'dist/small.onnx')
copyFileSync('models/tiny/background.bin', 'dist/tiny-background.bin')
copyFileSync('models/small/background.bin', 'dist/small-background.bin')
