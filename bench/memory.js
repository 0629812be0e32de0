// npm run bench -- memory FOLDER [--pictures=20000] [--threads=2]
//
// Extracts features of many JPEG files of FOLDER/<class>/ (repeatedly, if there are fewer) with the bundled CNN, in each runtime
// in a process of its own, and reports the resident memory meanwhile: it must not grow with the number of pictures.
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { FeatureExtractor, imagesFromFolder } from '../dist/lib/index.js'
import { nativeRuntime } from './native-runtime.js'

const me = fileURLToPath(import.meta.url)
const { values: flags, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    pictures: { type: 'string', default: '20000' },
    threads: { type: 'string', default: '2' },
    alone: { type: 'string' },
  },
})
const folder = positionals.find((one) => one !== 'memory')
if (!folder) throw new Error('usage: npm run bench -- memory FOLDER [--pictures=20000] [--threads=2]')
const pictures = Number(flags.pictures)
const samples = 10

if (flags.alone) await extract(flags.alone)
else {
  console.log(
    `${cpus()[0]?.model.trim()}, Node ${process.versions.node}; ${pictures} JPEG files, ${flags.threads} threads`,
  )
  console.log('Resident memory in MB after each tenth of the pictures, and at most:\n')
  for (const runtime of ['engine', 'onnxruntime', 'onnxruntime-node']) {
    execFileSync(process.execPath, [me, folder, ...process.argv.slice(3), `--alone=${runtime}`], {
      stdio: 'inherit',
    })
  }
}

async function extract(name) {
  const native = name === 'onnxruntime-node' ? nativeRuntime() : undefined
  if (native?.absent) return console.log(`${name}: absent: ${native.absent}`)
  const { images: files } = await imagesFromFolder(folder)
  const images = Array.from({ length: pictures }, (_, i) => files[i % files.length])
  const extractor = await FeatureExtractor.create({
    runtime: native?.runtime ?? name,
    threads: Number(flags.threads),
  })
  const megabytes = []
  let worked = 0
  await extractor.extract(images, {
    onProgress({ done, threads }) {
      worked = threads
      if (done >= (pictures / samples) * (megabytes.length + 1)) {
        megabytes.push(process.memoryUsage().rss / 2 ** 20)
      }
    },
  })
  const most = process.resourceUsage().maxRSS / 1024
  const row = megabytes.map((value) => value.toFixed(0).padStart(5)).join('')
  console.log(`${name.padEnd(17)}${row}   at most ${most.toFixed(0)} (${worked} threads worked)`)
}
