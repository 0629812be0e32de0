// node bench/probabilities.js FOLDER [--draws=5] [--json=FILE]
//
// Measures how well calibrated probabilities are, in comparison with scikit-learn's SVC(probability=True) and
// CalibratedClassifierCV on the same features. FOLDER contains <class>/*.jpg. There are three data sets: all classes
// with 50 pictures each; the first two classes with 100 each; handwritten digits with 20 each. Each draw is evaluated
// on 100 other pictures of each class. Prints means over the draws: log loss, Brier score (sum over the classes),
// expected calibration error (15 bins of equally many pictures), the share of pictures whose most probable class is the
// predicted label, and the time that probabilities cost, as a multiple of the fit without them. PYTHON (default:
// /usr/bin/python3) runs scikit-learn.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FeatureStore, ImageClassifier } from '../dist/lib/index.js'
import { commandLine, writeJson } from './command-line.js'
import { digitPictures, picturesIn } from './pictures.js'
import { permutation } from './random.js'

const { folder: pictureFolder, flags } = commandLine('probabilities.js FOLDER [--draws=5] [--json=FILE]', {
  draws: 5,
  json: undefined,
})
const { draws } = flags
const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
const python = process.env.PYTHON ?? '/usr/bin/python3'

const photos = picturesIn(pictureFolder)
const sets = [
  { ...photos, name: 'photos', count: 50 },
  { ...photos, name: 'two kinds of photos', classes: 2, count: 100 },
  { ...digitPictures(), count: 20 },
]

/**
 * Log loss, Brier score, expected calibration error, and the share of rows whose most probable class is the predicted
 * one.
 */
function judge(probabilities, truth, predicted) {
  let [loss, brier, agreed] = [0, 0, 0]
  const sure = probabilities.map((row, i) => {
    loss -= Math.log(Math.max(row[truth[i]], 1e-7))
    brier += row.reduce((sum, p, c) => sum + (p - (c === truth[i] ? 1 : 0)) ** 2, 0)
    const best = row.indexOf(Math.max(...row))
    if (best === predicted[i]) agreed++
    return { confidence: row[best], right: Number(best === truth[i]) }
  })
  sure.sort((a, b) => a.confidence - b.confidence)
  let error = 0
  for (let bin = 0; bin < 15; bin++) {
    const part = sure.slice(Math.floor((bin * sure.length) / 15), Math.floor(((bin + 1) * sure.length) / 15))
    error += Math.abs(part.reduce((sum, { confidence, right }) => sum + confidence - right, 0))
  }
  const n = truth.length
  return { 'log loss': loss / n, Brier: brier / n, ECE: error / n, agreement: agreed / n }
}

/** The time of a call in seconds; minimum of three. */
async function time(call) {
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < 3; run++) {
    const started = performance.now()
    await call()
    least = Math.min(least, (performance.now() - started) / 1000)
  }
  return least
}

const results = []
for (const { name, pictures, labels, classes, count } of sets) {
  const store = await FeatureStore.inMemory()
  const plain = await ImageClassifier.create({ store, svm: { threads: 1 } })
  const ours = await ImageClassifier.create({ store, svm: { threads: 1 }, probability: true })
  const found = new Map()
  const note = (method, figures) => found.set(method, [...(found.get(method) ?? []), figures])
  for (let draw = 0; draw < draws; draw++) {
    const order = Array.from(permutation(pictures.length, 100 + draw))
    const of = (label) => order.filter((i) => labels[i] === label)
    const kinds = Array.from({ length: classes }, (_, label) => of(label))
    const train = kinds.flatMap((rows) => rows.slice(0, count))
    const judged = kinds.flatMap((rows) => rows.slice(count, count + 100))
    const pick = (rows) => [rows.map((i) => pictures[i]), rows.map((i) => labels[i])]
    const [images, y] = pick(train)
    const [testImages, truth] = pick(judged)
    const features = await plain.extractor.extract(images)
    await plain.fit(images, y) // fills the store, so that fits are timed without the network
    const base = await time(() => plain.fit(images, y))
    const whole = await time(() => ours.fit(images, y))
    const { labels: predicted, probabilities } = await ours.predictWithProba(testImages)
    const rows = truth.map((_, i) => [...probabilities.row(i)])
    note('softmargin', { ...judge(rows, truth, predicted), 'cost (fits)': (whole - base) / base })

    const others = await plain.extractor.extract(testImages)
    const task = {
      X: join(folder, 'X'),
      XTest: join(folder, 'XTest'),
      columns: features.cols,
      y,
      yTest: truth,
    }
    writeFileSync(task.X, features.data)
    writeFileSync(task.XTest, others.data)
    writeFileSync(join(folder, 'task.json'), JSON.stringify(task))
    const script = new URL('peers/probabilities.py', import.meta.url).pathname
    execFileSync(python, [script, join(folder, 'task.json'), join(folder, 'answer.json')], {
      stdio: 'inherit',
    })
    const answer = JSON.parse(readFileSync(join(folder, 'answer.json'), 'utf8'))
    for (const { method, probabilities: theirs, seconds } of answer.methods) {
      note(method, { ...judge(theirs, truth, answer.predicted), 'cost (fits)': seconds / answer.fit })
    }
  }
  plain.dispose()
  ours.dispose()
  console.log(`\n${name}: ${count} of each of ${classes} classes, means of ${draws} draws`)
  for (const [method, list] of found) {
    const means = Object.fromEntries(
      Object.keys(list[0]).map((key) => [key, list.reduce((sum, each) => sum + each[key], 0) / draws]),
    )
    results.push({ set: name, method, count, classes, draws, ...means })
    const shown = Object.entries(means).map(
      ([key, value]) => `${key} ${value.toFixed(key === 'cost (fits)' ? 1 : 4)}`,
    )
    console.log(`${method.padEnd(42)} ${shown.join('  ')}`)
  }
}
rmSync(folder, { recursive: true })
writeJson(results, flags.json)
