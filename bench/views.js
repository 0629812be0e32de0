// node bench/views.js FOLDER [--pictures=20,50,100] [--draws=6] [--pool=150] [--judged=200] [--out=FILE.json]
//
// Measures what averaging features over a mirror image, and over shifted images too, gains with the CNN that ships. FOLDER
// contains <class>/*.jpg. The last pictures of each class (--judged) are used for evaluation. Each draw takes --pictures of
// the first ones (--pool) of each class, and fits an SVM with a classifier's defaults on each kind of features.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { FeatureExtractor, StandardScaler, SVC } from '../dist/lib/index.js'
import { pictureCollections } from './pictures.js'
import { permutation } from './random.js'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pictures: { type: 'string', default: '20,50,100' },
    draws: { type: 'string', default: '6' },
    pool: { type: 'string', default: '150' },
    judged: { type: 'string', default: '200' },
    out: { type: 'string' },
  },
})
if (positionals.length !== 1) {
  console.error('usage: node bench/views.js FOLDER [--pictures=20,50,100] [--draws=6]')
  process.exit(2)
}
const [pool, judged] = [Number(flags.pool), Number(flags.judged)]
const kinds = { plain: {}, mirror: { mirror: true }, 'mirror and shifts': { mirror: true, shift: 1 / 16 } }
const [{ pictures, labels, classes }] = pictureCollections(positionals[0])
const ofClass = Array.from({ length: classes }, (_, k) => [...labels.keys()].filter((i) => labels[i] === k))
const used = ofClass.flatMap((own) => [...own.slice(0, pool), ...own.slice(own.length - judged)])
const rowsOf = (k, from, to) => Array.from({ length: to - from }, (_, i) => k * (pool + judged) + from + i)
const test = ofClass.flatMap((_, k) => rowsOf(k, pool, pool + judged))
const y = used.map((i) => labels[i])
const take = (list, rows) => rows.map((i) => list[i])

const features = {}
for (const [kind, options] of Object.entries(kinds)) {
  const extractor = await FeatureExtractor.create(options)
  features[kind] = await extractor.extract(take(pictures, used))
  extractor.dispose()
}

async function accuracyOf(X, train) {
  const scaler = new StandardScaler()
  const svc = new SVC({ C: 3 })
  await svc.fit(await scaler.fitTransform(X.select(train)), take(y, train))
  const accuracy = await svc.score(await scaler.transform(X.select(test)), take(y, test))
  svc.dispose()
  return accuracy
}

const results = []
for (const count of flags.pictures.split(',').map(Number)) {
  const found = []
  for (let draw = 0; draw < Number(flags.draws); draw++) {
    const train = ofClass.flatMap((_, k) =>
      Array.from(permutation(pool, 100 * draw + k).slice(0, count), (i) => rowsOf(k, i, i + 1)[0]),
    )
    const row = { draw }
    for (const kind of Object.keys(kinds)) row[kind] = await accuracyOf(features[kind], train)
    found.push(row)
  }
  const mean = (kind) => found.reduce((sum, row) => sum + row[kind], 0) / found.length
  const means = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, mean(kind)]))
  results.push({ 'pictures a class': count, draws: found, means })
  console.log(JSON.stringify({ 'pictures a class': count, ...means }))
  if (flags.out) writeFileSync(flags.out, `${JSON.stringify(results, undefined, 2)}\n`)
}
process.exit(0)
