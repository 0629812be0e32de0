// npm run bench -- network [--quick] [--profile] [--only=text]
//
// Compares networks in softmargin's engine with onnxruntime-web, onnxruntime-node and TensorFlow.js's WebAssembly backend,
// on prepared batches, each on one thread, in turn, in one process. Times are CPU times per image: medians, and ratios of
// medians. `--profile` instead prints the time of each step of a network, and its rate relative to that of the engine's
// tiles.
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { toBinary } from '@bufbuild/protobuf'
import { build } from 'esbuild'
import { ModelProtoSchema } from 'onnx-buf'
import { resnet18 } from '../scripts/resnet18.js'
import { efficientNetB0 } from './efficientnet.js'
import { mobileNetV2 } from './mobilenet.js'
import { nativeRuntime } from './native-runtime.js'
import { profile } from './network-profile.js'
import { seeded } from './random.js'
import { median } from './report.js'
import { tensorFlow, tensorFlowModel } from './tfjs.js'

const quick = process.argv.includes('--quick')
const isProfile = process.argv.includes('--profile')
const rounds = quick ? 7 : 21
const folder = fileURLToPath(new URL('..', import.meta.url))

// Networks are not part of the public API, so they are bundled from the sources, two levels deep like src/cnn.
await build({
  stdin: {
    contents: `export { constantOf } from './src/cnn/engine/lowering/constants.ts'
      export { EngineNetwork } from './src/cnn/engine/network.ts'
      export { cutModel } from './src/onnx/edit/cut.ts'
      export { readModel } from './src/onnx/graph/read-model.ts'`,
    resolveDir: folder,
  },
  outfile: `${folder}dist/lib/bench-network.js`,
  bundle: true,
  format: 'esm',
  packages: 'external',
})
const { EngineNetwork, constantOf, cutModel, readModel } = await import('../dist/lib/bench-network.js')

const tiny = readFileSync(new URL('../models/tiny/tiny.onnx', import.meta.url))
const small = readFileSync(new URL('../models/small/small.onnx', import.meta.url))
const nets = [
  { name: 'embedded CNN', bytes: tiny, input: 'pixel_values', output: 'features', side: 32, batch: 16 },
  {
    name: 'embedded CNN, one picture',
    bytes: tiny,
    input: 'pixel_values',
    output: 'features',
    side: 32,
    batch: 1,
  },
  { name: 'small', bytes: small, input: 'pixel_values', output: 'features', side: 32, batch: 16 },
  { name: 'ResNet-18', bytes: resnet18(), input: 'input', output: '/Flatten_output_0', side: 224, batch: 1 },
  { name: 'MobileNetV2', bytes: mobileNetV2(), input: 'input', output: 'features', side: 224, batch: 1 },
  {
    name: 'EfficientNet-B0',
    bytes: efficientNetB0(),
    input: 'input',
    output: 'features',
    side: 224,
    batch: 1,
  },
]
const native = nativeRuntime()
const { tf, absent } = await tensorFlow()
if (absent) console.log(`Absent: TensorFlow.js: ${absent}`)
if (native.absent) console.log(`Absent: onnxruntime-node: ${native.absent}`)
const hasRelaxed = WebAssembly.validate(readFileSync(new URL('../dist/cnn.relaxed.wasm', import.meta.url)))
console.log(`${cpus()[0]?.model.trim()}, Node ${process.versions.node}; one thread each; ${rounds} rounds\n`)

const only = process.argv.find((flag) => flag.startsWith('--only='))?.slice('--only='.length) ?? ''
for (const net of nets) if (net.name.includes(only)) await measure(net)

async function measure({ name, bytes, input, output, side, batch }) {
  const model = cutModel(readModel(bytes), [output])
  const dims = [batch, 3, side, side]
  const { normal } = seeded(3)
  const pictures = Float32Array.from({ length: dims.reduce((all, n) => all * n, 1) }, normal)
  const ways = []
  for (const simd of hasRelaxed ? ['strict', 'relaxed'] : ['strict']) {
    const network = await EngineNetwork.create({ model, input }, dims, { simd })
    ways.push({ name: `softmargin, ${simd}`, run: () => network.run(pictures, dims) })
    if (isProfile) await profile(network, simd, pictures, dims, quick ? 10 : 40)
  }
  if (isProfile) return
  const file = toBinary(ModelProtoSchema, model)
  const web = await import('onnxruntime-web')
  web.env.wasm.numThreads = 1
  ways.push({ name: 'onnxruntime-web', run: await bare(web, file) })
  if (native.runtime) ways.push({ name: 'onnxruntime-node', run: await bare(native.runtime, file) })

  if (tf) {
    const read = (tensor) => ({ dims: tensor.dims.map(Number), numbers: constantOf(tensor).read() })
    const run = tensorFlowModel(tf, model, read)
    const ours = (await ways[0].run()).get(output).data
    const theirs = run(pictures, dims)
    const range = ours.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    // Both must compute the same, or their times say nothing.
    const isSame = ours.every((value, i) => Math.abs(value - theirs[i]) <= 1e-3 * range)
    if (!isSame) throw new Error(`TensorFlow.js gives other results for ${name}`)
    ways.push({ name: 'tfjs-wasm', run: () => run(pictures, dims) })
  }

  async function bare({ InferenceSession, Tensor }, graph) {
    const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 }
    const session = await InferenceSession.create(graph, options)
    return () => session.run({ [input]: new Tensor('float32', pictures, dims) })
  }

  const repeat = side > 100 ? 1 : Math.ceil(32 / batch)
  const times = new Map(ways.map((way) => [way.name, []]))
  for (let round = -3; round < rounds; round++) {
    for (const way of ways) {
      const before = process.cpuUsage()
      for (let i = 0; i < repeat; i++) await way.run()
      const { user, system } = process.cpuUsage(before)
      if (round >= 0) times.get(way.name).push((user + system) / 1000 / batch / repeat)
    }
  }
  console.log(`${name}, ${side} x ${side}, batches of ${batch}`)
  const theirs = times.get('onnxruntime-web')
  for (const [way, own] of times) {
    const [middle, least] = [median(own), Math.min(...own)]
    const ratios = `${(median(theirs) / middle).toFixed(2)}x, of minima ${(Math.min(...theirs) / least).toFixed(2)}x`
    console.log(
      `  ${way.padEnd(22)} ${middle.toFixed(3)} ms (least ${least.toFixed(3)})  onnxruntime-web takes ${ratios}`,
    )
  }
  console.log()
}
