// node bench/unknown.js FOLDER [--splits=12] [--pictures=150] [--background] [--json=FILE]
//
// Measures how well `knownScore` separates pictures of the known classes from others. FOLDER contains <class>/*.jpg.
// Each split selects three classes at random, trains on some pictures of each, and evaluates 100 other pictures of each
// class, known or not. Prints, for photos and for handwritten digits, means over the splits: the area under the ROC
// curve of `knownScore`, that of the greatest calibrated probability, and, with `unknown: true`, the share of known
// pictures that is rejected and the share of other pictures that is assigned to a class. The last line compares known
// digits with photos. With `--background`, `unknown` has the default background in lines of their own, and for digits
// also 600 digits of three other classes, which are not among the digits that are judged.
import { FeatureStore, ImageClassifier } from '../dist/lib/index.js'
import { commandLine, writeJson } from './command-line.js'
import { digitPictures, picturesIn } from './pictures.js'
import { permutation } from './random.js'

const { folder, flags } = commandLine(
  'unknown.js FOLDER [--splits=12] [--pictures=150] [--background] [--json=FILE]',
  {
    splits: 12,
    pictures: 150,
    background: false,
    json: undefined,
  },
)
const { splits, pictures: count } = flags
const judged = 100
const photos = picturesIn(folder)
const digits = digitPictures()
const store = await FeatureStore.inMemory()
const quiet = { onWarning() {} }

/**
 * The area under the ROC curve: the share of pairs of a known and another picture in which the known one scores higher.
 */
function area(known, others) {
  let above = 0
  for (const a of known) for (const b of others) above += a > b ? 1 : a === b ? 0.5 : 0
  return above / known.length / others.length
}

const greatest = (rows) => Array.from({ length: rows.rows }, (_, i) => Math.max(...rows.row(i)))
const refusedOf = (scores) => scores.filter((score) => !(score > 0)).length / scores.length

async function trial(set, split, strangers, how) {
  const kinds = permutation(set.classes, 10 + split)
  const rows = permutation(set.pictures.length, 500 + split)
  const of = (kind) => [...rows.filter((row) => set.labels[row] === kind)]
  const known = [...kinds.subarray(0, 3)].map(of)
  const isOwn = how === 'own' || how === 'without'
  // Classes of the background are unknown, but not judged.
  const apart = [...kinds.subarray(3, 6)].flatMap((kind) => of(kind).slice(0, 200))
  const background =
    how === 'own' ? apart.map((row) => set.pictures[row]) : how === 'without' ? undefined : how
  const train = known.flatMap((list) => list.slice(0, count))
  const classifier = await ImageClassifier.create({ store, unknown: { background }, probability: true })
  await classifier.fit(
    train.map((row) => set.pictures[row]),
    train.map((row) => set.labels[row]),
    quiet,
  )
  const asked = known.flatMap((list) => list.slice(count, count + judged)).map((row) => set.pictures[row])
  const others =
    strangers ??
    [...kinds.subarray(isOwn ? 6 : 3)]
      .flatMap((kind) => of(kind).slice(0, judged))
      .map((row) => set.pictures[row])
  const [a, b] = [[...(await classifier.knownScore(asked))], [...(await classifier.knownScore(others))]]
  const [p, q] = [
    greatest(await classifier.predictProba(asked)),
    greatest(await classifier.predictProba(others)),
  ]
  classifier.dispose()
  return {
    'area, known score': area(a, b),
    'area, greatest probability': area(p, q),
    'known refused': refusedOf(a),
    'others accepted': 1 - refusedOf(b),
  }
}

const results = []
const strangers = photos.pictures.filter((_, i) => i % Math.floor(photos.pictures.length / 500) === 0)
for (const [name, set, others, how] of [
  ['photos', photos],
  ['digits', digits],
  ['digits against photos', digits, strangers],
  ...(flags.background
    ? [
        ['photos, default background', photos, undefined, 'default'],
        ['digits, default background', digits, undefined, 'default'],
        ['digits against photos, default background', digits, strangers, 'default'],
        ['digits, four other classes', digits, undefined, 'without'],
        ['digits, four other classes, three more as background', digits, undefined, 'own'],
      ]
    : []),
]) {
  const found = []
  for (let split = 0; split < splits; split++) found.push(await trial(set, split, others, how))
  const means = Object.fromEntries(
    Object.keys(found[0]).map((key) => [key, found.reduce((sum, each) => sum + each[key], 0) / splits]),
  )
  results.push({ set: name, splits, pictures: count, ...means })
  console.log(name, ...Object.entries(means).map(([key, value]) => ` ${key}: ${value.toFixed(3)}`))
}
writeJson(results, flags.json)
