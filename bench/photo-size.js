// npm run bench -- photo-size FOLDER [--per-class=N]
//
// Measures which input size suits large photos: the accuracy of the bundled CNN with an SVM on objects that fill a large
// picture or a part of it, for several input sizes. FOLDER contains <class>/*.jpg, small photos of objects (such as
// CIFAR-10's, 32 x 32). Each becomes a picture 240 pixels high, in which the object takes up a share of the height at a
// random position; its borders are extended to the edges, and grain is added. Half of each class is used for training and
// half for evaluation.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { decodeImage, FeatureExtractor, StandardScaler, SVC } from '../dist/lib/index.js'
import { pictureCollections } from './pictures.js'
import { seeded } from './random.js'

const { values: flags, positionals } = parseArgs({
  args: process.argv.slice(3),
  allowPositionals: true,
  options: { 'per-class': { type: 'string', default: '200' } },
})
const perClass = Number(flags['per-class'])
const height = 240
const [collection] = pictureCollections(positionals[0])
const chosen = choose(collection)
const photos = await Promise.all(
  chosen.map(({ picture }) => decodeImage(new Uint8Array(readFileSync(picture)))),
)
const labels = chosen.map(({ label }) => label)
const learns = labels.map((_, i) => i % perClass < perClass / 2)

const ways = [
  ...[32, 48, 64].map((size) => ({ name: `${size} x ${size}`, preprocess: { size } })),
  ...[32, 48].map((size) => ({
    name: `${size}, cropped`,
    preprocess: { size: { shortestEdge: size }, crop: size },
  })),
]
const layers = [
  { name: 'features', choice: {} },
  { name: 'stage4, largest', choice: { layer: 'stage4', pooling: 'max' } },
]
const kinds = [
  { name: 'all of 240 x 240', width: 240, least: 1, most: 1 },
  { name: 'the height of 320 x 240', width: 320, least: 1, most: 1 },
  { name: 'half the height', width: 320, least: 0.5, most: 0.5 },
  { name: 'a third of it', width: 320, least: 1 / 3, most: 1 / 3 },
  { name: 'a third to all of it', width: 320, least: 1 / 3, most: 1 },
]

console.log(`${photos.length} pictures, half of them for evaluation\n`)
console.log(`| object size | from | ${ways.map(({ name }) => name).join(' | ')} |`)
console.log(`| --- | --- | ${ways.map(() => '---').join(' | ')} |`)
for (const { name, width, least, most } of kinds) {
  const { uniform } = seeded(5)
  const pictures = photos.map((photo) => enlarged(photo, width, least + (most - least) * uniform(), uniform))
  const columns = []
  for (const { preprocess } of ways) {
    const extractor = await FeatureExtractor.create({ preprocess })
    const features = await extractor.extractLayers(
      pictures,
      layers.map(({ choice }) => choice),
    )
    columns.push(await Promise.all(features.map(accuracy)))
    extractor.dispose()
  }
  for (const [i, layer] of layers.entries()) {
    const cells = columns.map((column) => `${(100 * column[i]).toFixed(1)} %`)
    console.log(`| ${[i === 0 ? name : '', layer.name, ...cells].join(' | ')} |`)
  }
}

/** The first pictures of each class, class after class. */
function choose({ pictures, labels }) {
  return [...new Set(labels)].flatMap((label) =>
    pictures
      .filter((_, i) => labels[i] === label)
      .slice(0, perClass)
      .map((picture) => ({ picture, label })),
  )
}

/** A picture `width` pixels wide that shows a small photo at `share` of its height. */
function enlarged(photo, width, share, uniform) {
  const side = Math.round(share * height)
  const left = Math.floor(uniform() * (width - side + 1))
  const top = Math.floor(uniform() * (height - side + 1))
  const across = positions(width, left, side, photo.width)
  const down = positions(height, top, side, photo.height)
  const data = new Uint8ClampedArray(width * height * 3)
  const { channels } = photo
  let to = 0
  for (const [y0, y1, v] of down) {
    for (const [x0, x1, u] of across) {
      const grain = 12 * (uniform() - 0.5)
      for (let c = 0; c < 3; c++) {
        const at = (y, x) => photo.data[(y * photo.width + x) * channels + c]
        const above = at(y0, x0) * (1 - u) + at(y0, x1) * u
        const below = at(y1, x0) * (1 - u) + at(y1, x1) * u
        data[to++] = above * (1 - v) + below * v + grain
      }
    }
  }
  return { data, width, height, channels: 3 }
}

/** For each pixel of a line, the two pixels of the small photo around it, and the weight of the second. */
function positions(length, from, side, pixels) {
  return Array.from({ length }, (_, i) => {
    const at = Math.min(pixels - 1, Math.max(0, ((i - from + 0.5) * pixels) / side - 0.5))
    const first = Math.min(pixels - 1, Math.floor(at))
    return [first, Math.min(pixels - 1, first + 1), at - first]
  })
}

async function accuracy(features) {
  const rows = { learnt: [], judged: [] }
  for (const [i, isLearnt] of learns.entries()) rows[isLearnt ? 'learnt' : 'judged'].push(i)
  const labelsOf = (indexes) => indexes.map((i) => labels[i])
  const scaler = await new StandardScaler().fit(features.select(rows.learnt))
  const svc = new SVC({ C: 10 })
  await svc.fit(await scaler.transform(features.select(rows.learnt)), labelsOf(rows.learnt))
  const score = await svc.score(await scaler.transform(features.select(rows.judged)), labelsOf(rows.judged))
  svc.dispose()
  return score
}
