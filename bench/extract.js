// npm run bench -- extract [--quick] [MODEL.onnx ...]
//
// Measures feature extraction from JPEG files of 500 x 375 pixels with a ResNet-18 (random weights), and with the models
// given, such as the vit_b_16 of scripts/vision_models.py: softmargin with each of its runtimes, on one thread and on two,
// transformers.js (ResNet-18 only), and the runtimes alone on prepared batches. All run in turn, in one process. CPU time is
// least affected by other work on the machine; wall-clock time shows what threads gain.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { basename } from 'node:path'
import encodeJpeg, { init as initJpeg } from '@jsquash/jpeg/encode.js'
import { FeatureExtractor } from '../dist/lib/index.js'
import { resnet18 } from '../scripts/resnet18.js'
import { nativeRuntime } from './native-runtime.js'
import { seeded } from './random.js'
import { median } from './report.js'
import { transformersJs } from './transformers-js.js'

const quick = process.argv.includes('--quick')
const files = process.argv.slice(2).filter((one) => one.endsWith('.onnx'))
const [count, rounds, batchSize] = quick ? [8, 3, 4] : [24, 7, 4]
const preprocess = { size: { shortestEdge: 256 }, crop: 224 }
const pictures = await makePictures(count)
const dims = [batchSize, 3, 224, 224]
const { normal } = seeded(3)
const batch = Float32Array.from({ length: dims.reduce((all, n) => all * n, 1) }, normal)
const native = nativeRuntime()
if (native.absent) console.log(`Absent: onnxruntime-node: ${native.absent}`)

console.log(
  `${cpus()[0]?.model.trim()}, Node ${process.versions.node}; one thread where not told otherwise; medians of ${rounds} rounds`,
)
await compare('a ResNet-18', resnet18(), { withTransformersJs: true })
for (const file of files) await compare(basename(file, '.onnx'), new Uint8Array(readFileSync(file)), {})

async function compare(title, bytes, { withTransformersJs = false }) {
  const extractors = []
  const softmargin = async (name, options) => {
    const extractor = await FeatureExtractor.create({ model: bytes, preprocess, threads: 1, ...options })
    extractors.push(extractor)
    return { name: `softmargin, ${name}`, run: () => extractor.extract(pictures, { batchSize }) }
  }
  const web = await softmargin('onnxruntime-web', { runtime: 'onnxruntime' })
  const model = await extractors[0].toOnnx()
  const ways = [
    web,
    await softmargin('onnxruntime-web, two threads', { runtime: 'onnxruntime', threads: 2 }),
    { name: 'onnxruntime-web, bare', run: await bare(await import('onnxruntime-web'), model, 1) },
  ]
  const own = await softmargin('own engine', {})
  if (extractors.at(-1).runtime.name === 'engine') {
    ways.unshift(own, await softmargin('own engine, two threads', { threads: 2 }))
  }
  if (!native.absent) {
    const { runtime } = native
    ways.push(
      { name: 'onnxruntime-node, bare', run: await bare(runtime, model, 1) },
      { name: 'onnxruntime-node, bare, two threads', run: await bare(runtime, model, 2) },
      await softmargin('onnxruntime-node', { runtime }),
      await softmargin('onnxruntime-node, two threads', { runtime, threads: 2 }),
    )
  }
  const theirs = withTransformersJs ? await transformersJs(model) : undefined
  if (theirs?.absent) console.log(`Absent: transformers.js: ${theirs.absent}`)
  else if (theirs) {
    const run = async () => {
      for (let i = 0; i < count; i += batchSize) await theirs.run(pictures.slice(i, i + batchSize))
    }
    ways.push({ name: 'transformers.js, onnxruntime-node', run })
  }

  console.log(
    `\n${count} pictures of 500 x 375 pixels through ${title} at 224 x 224, batches of ${batchSize}\n`,
  )
  console.log(`${'ms an image'.padEnd(44)}     CPU    wall   as fast as softmargin, onnxruntime-web`)
  const times = new Map(ways.map(({ name }) => [name, { cpu: [], wall: [] }]))
  for (let round = -1; round < rounds; round++) {
    for (const { name, run } of ways) {
      const [before, began] = [process.cpuUsage(), performance.now()]
      await run()
      const { user, system } = process.cpuUsage(before)
      // The first round warms up.
      if (round < 0) continue
      times.get(name).cpu.push((user + system) / 1000 / count)
      times.get(name).wall.push((performance.now() - began) / count)
    }
  }
  const reference = times.get(web.name)
  for (const [name, { cpu, wall }] of times) {
    // Ratios within a round: other work on the machine slows all of them alike.
    const ratio = (kind, values) =>
      median(values.map((time, round) => reference[kind][round] / time)).toFixed(2)
    const columns = [cpu, wall].map((values) => median(values).toFixed(1).padStart(8))
    console.log(
      `${name.padEnd(44)}${columns.join('')}   ${ratio('cpu', cpu)} x by CPU time, ${ratio('wall', wall)} x by wall-clock time`,
    )
  }
  for (const each of extractors) each.dispose()
}

/** The network alone, on the same number of batches. */
async function bare({ InferenceSession, Tensor, env }, model, threads) {
  if (env.wasm) env.wasm.numThreads = 1
  const session = await InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1 })
  const [input] = session.inputNames
  return async () => {
    for (let i = 0; i < count; i += batchSize) {
      const size = Math.min(batchSize, count - i)
      const part = batch.subarray(0, (batch.length / batchSize) * size)
      await session.run({ [input]: new Tensor('float32', part, [size, ...dims.slice(1)]) })
    }
  }
}

/** Waves and noise as JPEG files of quality 85 of about 35 KB each, like photos of that size. */
async function makePictures(count) {
  const codec = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm')
  await initJpeg(await WebAssembly.compile(readFileSync(codec)), {})
  const [width, height] = [500, 375]
  const files = []
  for (let i = 0; i < count; i++) {
    const { normal } = seeded(100 + i)
    const data = new Uint8ClampedArray(width * height * 4).fill(255)
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < 3; c++) {
          const wave = 60 * Math.sin(x / (9 + c * 7 + i) + y / 13) + 40 * Math.sin((x * y) / (3000 + c * 999))
          data[(y * width + x) * 4 + c] = 127 + wave + 6 * normal()
        }
      }
    }
    files.push(new Uint8Array(await encodeJpeg({ data, width, height }, { quality: 85 })))
  }
  return files
}
