// node bench/defaults.js FOLDER [--judge=FOLDER] [--draws=10] [--sizes=5,10,20,50,150,500,1000] [--choices=500]
//   [--large-draws=2] [--sets=digits,photos] [--only=METHOD]... [--json=FILE]
//
// The evidence for the defaults. FOLDER contains <class>/*.jpg; handwritten digits are the second data set. Each draw takes
// pictures of each class to learn from, and 100 others of each class to judge; photos are judged on all pictures of `--judge`
// instead, if it is given. Sizes above 150 a class, which vary less and take longer, have `--large-draws` draws. Sizes that a
// class is too small for are left out. Printed are mean accuracies by the number of pictures per class:
//
// - of an rbf SVM with several C, scalings and mirrored pictures (photos only);
// - of `layer: 'auto'` and of a grid search, up to `--choices` pictures per class, and both without caution up to 20, where
//   they are most at risk to choose by luck;
// - of scikit-learn's logistic regression, nearest neighbours and nearest centroid on the same features. scikit-learn is run
//   by PYTHON (default: /usr/bin/python3).
//
// `--only` names a method to measure, as it is printed; `scikit-learn` stands for all of it. Draws, folds and fits are seeded,
// so that a run of some methods and sizes has the figures that a run of all would have. With `--json` the figures of a run
// take the place of the same figures in the file, and the others stay.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FeatureExtractor, FeatureStore, ImageClassifier } from '../dist/lib/index.js'
import { commandLine, fiveDigits, writeJson } from './command-line.js'
import { digitPictures, picturesIn, rowsByClass } from './pictures.js'
import { permutation } from './random.js'

const { folder: pictureFolder, flags } = commandLine(
  'defaults.js FOLDER [--judge=FOLDER] [--draws=10] [--sizes=5,10] [--json=FILE]',
  {
    judge: undefined,
    draws: 10,
    'large-draws': 2,
    sizes: [5, 10, 20, 50, 150, 500, 1000],
    choices: 500,
    sets: 'digits,photos',
    only: [],
    json: undefined,
  },
)
const { draws, sizes, 'large-draws': largeDraws, choices: mostForChoices } = flags
/** From so many pictures of a class on, draws differ little. */
const LARGE = 151
/** Up to so many, choices without caution are compared too. */
const FEW = 20
const isWanted = (name) => flags.only.length === 0 || flags.only.includes(name)
const python = process.env.PYTHON ?? '/usr/bin/python3'
const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
const quiet = { onWarning() {} }
/** The grid of the command line. */
const grid = { C: [0.3, 3, 30, 300], gamma: ['scale', 0.001, 0.01] }

/** The classifiers to compare: options of create and of fit. */
function contenders(isPhotos) {
  const plain = [1, 3, 10].map((C) => [`C = ${C}`, { svm: { C } }])
  // Features of length 1 and unscaled ones need a larger C.
  const scales = ['l2', 'none'].map((scale) => [`scale ${scale}, C = 10`, { scale, svm: { C: 10 } }])
  const mirror = isPhotos ? [['mirror', { extractor: { mirror: true } }]] : []
  const choices = [true, false].flatMap((cautious) => {
    const how = cautious ? '' : ', without caution'
    return [
      [`grid${how}`, {}, { cautious, grid }],
      [`layer auto${how}`, { extractor: { layer: 'auto' } }, { cautious }],
      [`layer auto, grid${how}`, { extractor: { layer: 'auto' } }, { cautious, grid }],
    ]
  })
  return [...plain, ...scales, ...mirror, ...choices].map(([name, create, fit]) => ({
    ...{ name, create, fit },
    most: fit === undefined ? Number.POSITIVE_INFINITY : fit.cautious ? mostForChoices : FEW,
  }))
}

const photos = picturesIn(pictureFolder)
const digits = digitPictures()
/** Photos to learn from, followed by those to judge on. */
const others = flags.judge === undefined ? { pictures: [], labels: [] } : picturesIn(flags.judge)
const results = []
for (const set of [
  { ...digits, trained: digits.pictures.length },
  {
    ...photos,
    name: 'photos',
    pictures: [...photos.pictures, ...others.pictures],
    labels: [...photos.labels, ...others.labels],
    trained: photos.pictures.length,
  },
].filter(({ name }) => flags.sets.split(',').includes(name))) {
  const { pictures, labels, classes, trained } = set
  const apart = Array.from(pictures.keys()).slice(trained)
  const ofClass = rowsByClass(labels.slice(0, trained), classes)
  const largest = Math.min(...ofClass.map((own) => own.length)) - (apart.length > 0 ? 0 : 100)
  const fitting = sizes.filter((size) => size <= largest)
  const pick = (rows) => [rows.map((i) => pictures[i]), rows.map((i) => labels[i])]
  const splits = Array.from({ length: draws }, (_, draw) => {
    const orders = ofClass.map((own, label) =>
      Array.from(permutation(own.length, 1000 * draw + label), (i) => own[i]),
    )
    return { orders, judged: apart.length > 0 ? apart : orders.flatMap((order) => order.slice(-100)) }
  })
  const splitsOf = (size) => splits.slice(0, size < LARGE ? draws : largeDraws)
  const learntOf = ({ orders }, size) => orders.flatMap((order) => order.slice(0, size))
  const table = new Map()
  const note = (name, size, accuracy) => {
    const row = table.get(name) ?? {}
    row[size] = [...(row[size] ?? []), accuracy]
    table.set(name, row)
  }
  // A store for each way to make features, so that no picture is extracted twice.
  const stores = new Map()
  for (const { name, create, fit, most } of contenders(set.name === 'photos')) {
    if (!isWanted(name)) continue
    const key = JSON.stringify(create.extractor ?? {})
    if (!stores.has(key)) stores.set(key, FeatureStore.inMemory())
    const classifier = await ImageClassifier.create({ ...create, store: stores.get(key) })
    for (const size of fitting.filter((each) => each <= most)) {
      for (const split of splitsOf(size)) {
        await classifier.fit(...pick(learntOf(split, size)), { ...fit, ...quiet })
        note(name, size, (await classifier.evaluate(...pick(split.judged))).accuracy)
      }
    }
    classifier.dispose()
    console.log(`${set.name}: ${name}`)
  }
  const isCompared = isWanted('scikit-learn')
  const extractor = await FeatureExtractor.create()
  const all = await extractor.extract(isCompared ? pictures : pictures.slice(0, 1))
  extractor.dispose()
  for (const size of isCompared ? fitting : []) {
    for (const split of splitsOf(size)) {
      const task = { X: join(folder, 'X'), XTest: join(folder, 'XTest') }
      const [learnt, judged] = [learntOf(split, size), split.judged]
      const [X, XTest] = [all.select(learnt), all.select(judged)]
      writeFileSync(task.X, X.data)
      writeFileSync(task.XTest, XTest.data)
      Object.assign(task, { columns: X.cols, y: pick(learnt)[1], yTest: pick(judged)[1] })
      writeFileSync(join(folder, 'task.json'), JSON.stringify(task))
      const script = new URL('peers/defaults.py', import.meta.url).pathname
      execFileSync(python, [script, join(folder, 'task.json'), join(folder, 'answer.json')], {
        stdio: 'inherit',
      })
      const answer = JSON.parse(readFileSync(join(folder, 'answer.json'), 'utf8'))
      for (const [name, accuracy] of Object.entries(answer)) note(name, size, accuracy)
    }
  }
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
  console.log(`\n${set.name}: accuracy in %, means of ${draws} draws, above 150 a class of ${largeDraws}`)
  console.log(['pictures a class', ...fitting].join('\t'))
  for (const [name, row] of table) {
    const means = fitting.map((size) => (row[size] ? (100 * mean(row[size])).toFixed(1) : '-'))
    console.log([name, ...means].join('\t'))
    const accuracies = Object.fromEntries(Object.entries(row).map(([size, values]) => [size, mean(values)]))
    results.push({ set: set.name, judged: splits[0].judged.length, method: name, accuracies })
  }
}
rmSync(folder, { recursive: true })
if (flags.json) {
  const kept = existsSync(flags.json) ? JSON.parse(readFileSync(flags.json, 'utf8')).results : []
  for (const { accuracies, ...result } of results) {
    const before = kept.find(({ set, method }) => set === result.set && method === result.method)
    if (before) Object.assign(before, result, { accuracies: { ...before.accuracies, ...accuracies } })
    else kept.push({ ...result, accuracies })
  }
  writeJson({ draws, largeDraws, results: kept }, flags.json, fiveDigits)
}
