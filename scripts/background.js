// node scripts/background.js FOLDER [tiny|small]
//
// Writes models/MODEL/background.bin, the background of `unknown: { background: 'default' }`: features by a bundled CNN of
// seven pictures of each class of FOLDER, which contains <class>/*.png (CIFAR-100's training pictures for the shipped file).
// A feature takes one byte, which divides the range of all features evenly: the file is the lowest value and the step as
// float32, little-endian, followed by the bytes, row by row.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pictureCollections } from '../bench/pictures.js'
import { permutation } from '../bench/random.js'
import { FeatureExtractor } from '../dist/lib/index.js'

const OF_EACH = 7

const [, , folder, model = 'tiny', ...more] = process.argv
if (!folder || !['tiny', 'small'].includes(model) || more.length > 0) {
  console.error('usage: node scripts/background.js FOLDER [tiny|small]')
  process.exit(2)
}
const [{ pictures, labels, classes }] = pictureCollections(folder)
const chosen = Array.from({ length: classes }, (_, label) => {
  const own = pictures.filter((_, i) => labels[i] === label)
  return Array.from(permutation(own.length, label).subarray(0, OF_EACH), (i) => own[i])
}).flat()
const extractor = await FeatureExtractor.create({ model })
const { data, rows, cols } = await extractor.extract(chosen)
extractor.dispose()
const lowest = data.reduce((a, b) => Math.min(a, b))
const step = Math.fround((data.reduce((a, b) => Math.max(a, b)) - lowest) / 255)
const file = new Uint8Array(8 + data.length)
const view = new DataView(file.buffer)
view.setFloat32(0, lowest, true)
view.setFloat32(4, step, true)
for (const [i, value] of data.entries()) file[8 + i] = Math.round((value - lowest) / step)
writeFileSync(fileURLToPath(new URL(`../models/${model}/background.bin`, import.meta.url)), file)
console.log(
  `${rows} pictures x ${cols} features, ${file.length} bytes; range ${lowest} to ${lowest + 255 * step}`,
)
