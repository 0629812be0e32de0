// npm run bench -- layers [models...]
//
// Measures how much features differ from those of the native onnxruntime-node, at five layers of each model: the table in
// docs/models.md. Default models: the bundled CNNs and a ResNet-18 with random weights.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf'
import { FeatureExtractor } from '../dist/lib/index.js'
import { resnet18 } from '../scripts/resnet18.js'
import { nativeRuntime } from './native-runtime.js'
import { seeded } from './random.js'

const { runtime, absent } = nativeRuntime()
if (absent) throw new Error(`onnxruntime-node is not available: ${absent}`)
const bundled = ['tiny', 'small'].map((name) => [
  name,
  readFileSync(new URL(`../dist/${name}.onnx`, import.meta.url)),
])
const given = process.argv.slice(3).filter((argument) => !argument.startsWith('--'))
const models =
  given.length > 0
    ? given.map((path) => [basename(path, '.onnx'), readFileSync(path)])
    : [...bundled, ['resnet18', resnet18()]]

console.log('| model | layer | operator | shape | share of the work | largest difference |')
console.log('| --- | --- | --- | --- | --- | --- |')
for (const [name, bytes] of models) await compare(name, new Uint8Array(bytes))

async function compare(name, bytes) {
  const isBundled = bundled.some(([one]) => one === name)
  const extractor = await FeatureExtractor.create({
    model: bytes,
    preprocess: isBundled ? {} : { size: 224 },
  })
  const { mean, std, size } = extractor.describe().preprocess
  const layers = fiveOf(extractor.layers())
  const computed = extractor.runtime.name === 'engine' ? name : `${name} (${extractor.runtime.name})`
  const { normal } = seeded(8)
  const area = size.width * size.height
  const data = Uint8Array.from({ length: 2 * area * 3 }, () =>
    Math.min(255, Math.max(0, 127 + 60 * normal())),
  )
  const images = [0, 1].map((i) => ({
    data: data.subarray(i * area * 3, (i + 1) * area * 3),
    ...size,
    channels: 3,
  }))
  const ours = await extractor.extractLayers(
    images,
    layers.map(({ name }) => ({ layer: name, pooling: 'none' })),
  )
  // The whole model instead of the part up to one layer, with the layers as additional outputs.
  const model = fromBinary(ModelProtoSchema, bytes)
  const wanted = new Set(layers.map((layer) => layer.name))
  model.graph.output = [...wanted].map(
    (output) =>
      model.graph.output.find((one) => one.name === output) ?? create(ValueInfoProtoSchema, { name: output }),
  )
  const session = await runtime.InferenceSession.create(toBinary(ModelProtoSchema, model), {
    intraOpNumThreads: 1,
  })
  const tensor = new Float32Array(images.length * 3 * area)
  for (const [i, image] of images.entries()) {
    for (let c = 0; c < 3; c++) {
      for (let p = 0; p < area; p++) {
        tensor[(i * 3 + c) * area + p] = (image.data[p * 3 + c] / 255 - mean[c]) / std[c]
      }
    }
  }
  const feeds = {
    [session.inputNames[0]]: new runtime.Tensor('float32', tensor, [
      images.length,
      3,
      size.height,
      size.width,
    ]),
  }
  const theirs = await session.run(feeds)
  for (const [i, layer] of layers.entries()) {
    const reference = theirs[layer.name].data
    let worst = 0
    let largest = 0
    for (const [j, value] of reference.entries()) {
      worst = Math.max(worst, Math.abs(value - ours[i].data[j]))
      largest = Math.max(largest, Math.abs(value))
    }
    const share = `${(100 * layer.share).toFixed(1)} %`
    const cells = [
      i === 0 ? computed : '',
      `\`${layer.name}\`${layer.isDefault ? ' (default)' : ''}`,
      layer.operator,
      layer.shape.join(' x '),
      share,
      largest === 0 ? `${worst} of 0` : `${(worst / largest).toExponential(1)} of ${largest.toPrecision(3)}`,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  extractor.dispose()
}

/** The layers that end a stage, or if there are fewer than five, layers spread over the network. */
function fiveOf(layers) {
  const ends = layers.filter(({ endsStage, shape }) => endsStage && shape)
  const known = ends.length >= 5 ? ends : layers.filter(({ shape }) => shape)
  const picked = new Set(Array.from({ length: 5 }, (_, i) => known[Math.round(((known.length - 1) * i) / 4)]))
  return [...picked]
}
