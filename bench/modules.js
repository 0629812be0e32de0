// npm run bench -- modules FOLDER
//
// Measures how much features differ from PyTorch's at five modules of each model that scripts/vision_models.py wrote to
// FOLDER: the table of docs/models.md. Modules are named as in PyTorch; features are averages, in transformers of the
// patch tokens.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FeatureExtractor } from '../dist/lib/index.js'

const folder = process.argv[3]
if (!folder) throw new Error('usage: npm run bench -- modules FOLDER')
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))

console.log('| model | default layer | blocks | module | shape | prefix tokens | largest difference |')
console.log('| --- | --- | --- | --- | --- | --- | --- |')
for (const name of names.map((file) => file.replace('.json', ''))) await compare(name)

async function compare(name) {
  const { size, picture, layers } = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
  const preprocess = { size, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }
  // Cut early, so that the network up to the default layer need not run.
  const options = { model: join(folder, `${name}.onnx`), preprocess, layer: layers[0].module }
  const extractor = await FeatureExtractor.create(options)
  const image = { data: Uint8Array.from(picture), width: size, height: size, channels: 3 }
  const choices = layers.map(({ module, shape }) => ({
    layer: module,
    pooling: shape.length > 1 ? 'average' : 'none',
  }))
  const ours = await extractor.extractLayers([image], choices)
  const infos = extractor.layers()
  const blocks = infos.filter(({ block }) => block !== undefined).length
  const first = [name, `\`${infos.find(({ isDefault }) => isDefault).name}\``, blocks || 'none']
  for (const [i, { module, shape, features }] of layers.entries()) {
    const row = ours[i].row(0)
    const range = Math.max(...features.map(Math.abs))
    const difference = Math.max(...features.map((value, j) => Math.abs(value - row[j])))
    if (row.length !== features.length) throw new Error(`${module} of ${name}: ${row.length} features`)
    const { name: found } = extractor.findLayer(module)
    const { prefixTokens = '' } = infos.find((info) => info.name === found)
    const start = i === 0 ? first : ['', '', '']
    const share = `${(difference / range).toExponential(1)}`
    console.log(`| ${[...start, `\`${module}\``, shape.join(' x '), prefixTokens, share].join(' | ')} |`)
  }
  extractor.dispose()
}
