// The network on the GPU, beside WebAssembly, and what happens when the GPU is lost. For a host with WebGPU:
//
// deno run -A --node-modules-dir=manual test/hosts/gpu.js
import { FeatureExtractor } from '../../dist/lib/index.js'
import { resnet18 } from '../../scripts/resnet18.js'

const images = Array.from({ length: 5 }, (_, i) => {
  const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, j) => (j * 7919 + i * 31) & 255)
  return { data, width: 64, height: 64, channels: 3 }
})
const options = { model: resnet18({ widths: [16, 32, 64, 128] }), preprocess: { size: 64 } }

const plain = await FeatureExtractor.create(options)
const wanted = await plain.extract(images)
check('the default is WebAssembly', plain.device === 'wasm')

const first = await FeatureExtractor.create({ ...options, device: 'auto' })
check('auto finds the GPU', first.device === 'webgpu')
check('and it answers the same', close(await first.extract(images)))
const inner = [{ layer: 'layer2', pooling: 'none' }, {}]
const [, last] = await first.extractLayers(images, inner)
check('at several layers at once, too', close(last))
first.dispose()

const warnings = []
const second = await FeatureExtractor.create({
  ...options,
  device: 'webgpu',
  onWarning: (message) => warnings.push(message),
})
check('a second extractor gets the GPU again', second.device === 'webgpu')
const { env } = await import('onnxruntime-web/webgpu')
const device = await env.webgpu.device
const features = await second.extract(images, {
  batchSize: 2,
  onProgress: ({ done }) => done === 2 && device.destroy(),
})
check('what the lost GPU had in hand is done again', close(features))
check('on WebAssembly, with one warning', second.device === 'wasm' && warnings.length === 1)
const third = await FeatureExtractor.create({ ...options, device: 'auto' })
check('which auto takes from then on', third.device === 'wasm')
second.dispose()
third.dispose()
plain.dispose()

function close({ data }) {
  const largest = Math.max(...wanted.data)
  return (
    data.length === wanted.data.length && data.every((x, i) => Math.abs(x - wanted.data[i]) < 1e-5 * largest)
  )
}

function check(what, holds) {
  console.log(`${holds ? 'ok' : 'NOT OK'}: ${what}`)
  if (!holds) throw new Error(what)
}
