// npm run bench -- large-photo
//
// Measures what photos of 12 megapixels cost: decoding a JPEG file (of a smooth picture and of one with grain) and a PNG file,
// and from there on resizing to 224 x 224 with the tiny part of the work that the bundled CNN is. CPU time, minimum of 7 rounds.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import encodeJpeg, { init as initJpeg } from '@jsquash/jpeg/encode.js'
import encodePng, { init as initPng } from '@jsquash/png/encode.js'
import { decodeImage, FeatureExtractor } from '../dist/lib/index.js'
import { seeded } from './random.js'

const [width, height] = [4000, 3000]
const require = createRequire(import.meta.url)
const compiled = (path) => WebAssembly.compile(readFileSync(require.resolve(path)))
await initJpeg(await compiled('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'), {})
await initPng(await compiled('@jsquash/png/codec/pkg/squoosh_png_bg.wasm'))

const extractor = await FeatureExtractor.create({
  threads: 1,
  preprocess: { size: { shortestEdge: 256 }, crop: 224 },
})
console.log(`${cpus()[0]?.model.trim()}, Node ${process.versions.node}; ${width} x ${height} pixels`)
console.log('ms of CPU time: decoding, and decoded pixels to features at 224 x 224')
for (const [name, grain, encode] of [
  ['JPEG, smooth', 0, (image) => encodeJpeg(image, { quality: 85 })],
  ['JPEG, with grain', 6, (image) => encodeJpeg(image, { quality: 85 })],
  ['PNG, smooth', 0, (image) => encodePng(image)],
]) {
  const file = new Uint8Array(await encode(picture(grain)))
  const pixels = await decodeImage(file)
  const decoding = await leastCpu(() => decodeImage(file))
  const rest = await leastCpu(() => extractor.extract([pixels]))
  const size = (file.length / 1e6).toFixed(1)
  console.log(
    `${name.padEnd(18)}${size.padStart(5)} MB ${decoding.toFixed(0).padStart(5)}${rest.toFixed(0).padStart(5)}`,
  )
}
extractor.dispose()

async function leastCpu(work) {
  let least = Infinity
  for (let round = -1; round < 7; round++) {
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    // The first round compiles code.
    if (round >= 0) least = Math.min(least, (user + system) / 1000)
  }
  return least
}

/** Waves, with noise of a standard deviation of `grain`. */
function picture(grain) {
  const { normal } = seeded(5)
  const data = new Uint8ClampedArray(width * height * 4).fill(255)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const wave = 60 * Math.sin(x / (90 + c * 7) + y / 130) + 40 * Math.sin((x * y) / (300_000 + c * 999))
        data[(y * width + x) * 4 + c] = 127 + wave + (grain === 0 ? 0 : grain * normal())
      }
    }
  }
  return { data, width, height }
}
