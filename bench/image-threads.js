// npm run bench -- image-threads [--quick]
//
// Compares one thread with two on pictures, by wall-clock time, in turn, in one process: JPEG files of a folder and
// their raw pixels, with the bundled CNN and a ResNet-18 (seeded weights) in softmargin's engine and in
// onnxruntime-web. Reports the minimum of several rounds, because other work on the machine only adds to the time. On Linux it
// also compares the CPU time of one thread with that of the busier one of two, which other work hardly changes. Also runs
// two processes of one thread each at the same time: their slowdown is a limit of the machine.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import encodeJpeg, { init as initJpeg } from '@jsquash/jpeg/encode.js'
import { decodeImage, FeatureExtractor } from '../dist/lib/index.js'
import { resnet18 } from '../scripts/resnet18.js'

const quick = process.argv.includes('--quick')
const rounds = quick ? 2 : 5
const me = fileURLToPath(import.meta.url)
const alone = process.argv.indexOf('--alone')

const cases = [
  { name: 'embedded CNN, engine', count: quick ? 200 : 600, options: {} },
  {
    name: 'ResNet-18 at 224, engine',
    count: quick ? 16 : 48,
    options: { preprocess: { size: { shortestEdge: 256 }, crop: 224 } },
    model: resnet18,
  },
  { name: 'embedded CNN, onnxruntime-web', count: quick ? 100 : 300, options: { runtime: 'onnxruntime' } },
]

if (alone >= 0) await runAlone(JSON.parse(process.argv[alone + 1]))
else await compareAll()

async function compareAll() {
  console.log(`${cpus()[0]?.model.trim()}, Node ${process.versions.node}; minimum of ${rounds} rounds\n`)
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-bench-'))
  try {
    for (const [index, { name, count }] of cases.entries()) {
      const files = await jpegFiles(folder, count)
      for (const kind of ['JPEG files', 'raw pixels']) {
        const images =
          kind === 'JPEG files' ? files : await Promise.all(files.map((path) => decodeImage(path)))
        const { one, two, busier } = await compare(index, images)
        const beside = await Promise.all([1, 2].map(() => another({ index, files, kind })))
        const machine = (2 * one) / Math.max(...beside)
        console.log(
          `${name}, ${count} ${kind}: 1 thread ${ms(one)}, 2 threads ${ms(two)}: ${(one / two).toFixed(2)} times as fast, ` +
            `by CPU time of the busier thread ${busier}; ` +
            `two processes at once do ${machine.toFixed(2)} times the work`,
        )
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Milliseconds on one thread and on two, measured in turn. */
async function compare(index, images) {
  const { options, model } = cases[index]
  const make = (threads) => FeatureExtractor.create({ ...options, model: model?.() ?? 'tiny', threads })
  const extractors = [await make(1), await make(2)]
  const least = [Infinity, Infinity]
  const leastCpu = [Infinity, Infinity]
  // The first rounds compile code and start threads.
  for (let round = -2; round < rounds; round++) {
    for (const [i, extractor] of extractors.entries()) {
      const [before, began] = [cpuOfThreads(), performance.now()]
      await extractor.extract(images)
      if (round < 0) continue
      least[i] = Math.min(least[i], performance.now() - began)
      const own = [...cpuOfThreads()].map(([id, time]) => time - (before.get(id) ?? 0))
      leastCpu[i] = Math.min(leastCpu[i], Math.max(...own))
    }
  }
  for (const extractor of extractors) extractor.dispose()
  const busier = leastCpu[0] > 0 ? (leastCpu[0] / leastCpu[1]).toFixed(2) : 'unknown'
  return { one: least[0], two: least[1], busier }
}

/** Milliseconds of CPU time of each thread of this process so far; only on Linux. */
function cpuOfThreads() {
  const folder = '/proc/self/task'
  const ids = existsSync(folder) ? readdirSync(folder) : ['all']
  return new Map(
    ids.map((id) => {
      const path = `${folder}/${id}/schedstat`
      return [id, existsSync(path) ? Number(readFileSync(path, 'utf8').split(' ')[0]) / 1e6 : 0]
    }),
  )
}

/** Milliseconds of the same work in a separate process, on one thread. */
async function another(job) {
  const { stdout } = await promisify(execFile)(process.execPath, [me, '--alone', JSON.stringify(job)])
  return Number(stdout)
}

async function runAlone({ index, files, kind }) {
  const { options, model } = cases[index]
  const images = kind === 'JPEG files' ? files : await Promise.all(files.map((path) => decodeImage(path)))
  const extractor = await FeatureExtractor.create({ ...options, model: model?.() ?? 'tiny', threads: 1 })
  const times = []
  // A few more rounds, so that the other process works during the whole measurement.
  for (let round = -2; round < rounds + 2; round++) {
    const began = performance.now()
    await extractor.extract(images)
    if (round >= 0 && round < rounds) times.push(performance.now() - began)
  }
  console.log(Math.min(...times))
}

/** Creates JPEG files of waves, 160 x 120 pixels. */
async function jpegFiles(folder, count) {
  const codec = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm')
  await initJpeg(await WebAssembly.compile(readFileSync(codec)), {})
  const [width, height] = [160, 120]
  const paths = []
  for (let i = 0; i < count; i++) {
    const data = new Uint8ClampedArray(width * height * 4).fill(255)
    for (let at = 0; at < width * height; at++) {
      const [x, y] = [at % width, Math.floor(at / width)]
      for (let c = 0; c < 3; c++) {
        data[at * 4 + c] =
          127 + 60 * Math.sin(x / (9 + c * 7 + (i % 10)) + y / 13) + 40 * Math.sin((x * y) / (300 + i))
      }
    }
    const path = join(folder, `${i}.jpg`)
    writeFileSync(path, new Uint8Array(await encodeJpeg({ data, width, height }, { quality: 85 })))
    paths.push(path)
  }
  return paths
}

function ms(time) {
  return `${time.toFixed(0)} ms`
}
