// node bench/tokens.js FOLDER MODEL.onnx... [--pictures=20,50,100] [--draws=6] [--pool=150] [--judged=200] [--out=FILE.json]
//
// Compares the poolings of a vision transformer's tokens: the class token, the average of the patch tokens, a 2 x 2 grid of
// them, and the class token joined with the average, after each block and at the input of the head. FOLDER contains
// <class>/*.jpg. The last pictures of each class (--judged) are used for evaluation. Each draw takes --pictures of the first
// ones (--pool) of each class, and fits an SVM with a classifier's defaults on each kind of features.
// bench/peers/train_vit.py trains models for this comparison.
import { basename } from 'node:path'
import { FeatureExtractor, Matrix } from '../dist/lib/index.js'
import { commandLine, writeJson } from './command-line.js'
import { comparedPictures, compareFeatures, comparisonDefaults } from './compare-features.js'

const {
  folder,
  others: models,
  flags,
} = commandLine(
  'tokens.js FOLDER MODEL.onnx... [--pictures=20,50,100] [--draws=6]',
  comparisonDefaults,
  (others) => others.length > 0,
)
const poolings = { cls: 'cls', average: 'average', grid: { grid: 2 } }
const compared = comparedPictures(folder, flags)
const results = []
for (const model of models) {
  const extractor = await FeatureExtractor.create({ model })
  const blocks = extractor.layers().flatMap(({ block }) => (block === undefined ? [] : [`block ${block}`]))
  const wanted = blocks.flatMap((layer) => Object.values(poolings).map((pooling) => ({ layer, pooling })))
  const extracted = await extractor.extractLayers(compared.pictures, [...wanted, {}])
  for (const layer of [...blocks, 'default']) {
    const kinds = layer === 'default' ? ['default'] : Object.keys(poolings)
    const features = Object.fromEntries(kinds.map((kind) => [kind, extracted.shift()]))
    if (layer !== 'default') features['cls and average'] = joined(features.cls, features.average)
    const about = { model: basename(model, '.onnx'), layer }
    results.push(...(await compareFeatures(features, compared, flags, about)))
    writeJson(results, flags.out)
  }
  extractor.dispose()
}
process.exit(0)

function joined(a, b) {
  const rows = Array.from({ length: a.rows }, (_, i) => Float32Array.of(...a.row(i), ...b.row(i)))
  return Matrix.from(rows)
}
