// node bench/suspects.js FOLDER [--draws=10] [--pictures=1500] [--flipped=0.05]
//
// Measures how well `suspects` finds wrong labels. FOLDER contains <class>/*.jpg. Each draw selects pictures at random,
// gives a share of them a random wrong label, and lists the suspects for the defaults with C = 3. Prints the average
// precision of that list (a wrong label that is not listed counts as never found), and the accuracy on 1,000 other
// pictures before and after the most suspect pictures, as many as have wrong labels, are removed or relabelled. Beside it
// are the lists of confident learning by scikit-learn's estimators on the same features, which is what the package cleanlab
// does; scikit-learn is run by PYTHON (default: /usr/bin/python3).
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FeatureStore, ImageClassifier } from '../dist/lib/index.js'
import { commandLine } from './command-line.js'
import { picturesIn } from './pictures.js'
import { permutation } from './random.js'

const { folder: pictureFolder, flags } = commandLine(
  'suspects.js FOLDER [--draws=10] [--pictures=1500] [--flipped=0.05]',
  {
    draws: 10,
    pictures: 1500,
    flipped: 0.05,
  },
)
const { draws, pictures: count, flipped: share } = flags
const { pictures, labels, classes } = picturesIn(pictureFolder)
const wrongCount = Math.round(share * count)
const store = await FeatureStore.inMemory()
const classifier = await ImageClassifier.create({ store, svm: { C: 3 } })

/** The accuracy on the evaluation pictures after a fit on the given ones. */
async function accuracyOf(train, names, judged) {
  await classifier.fit(
    train.map((i) => pictures[i]),
    names,
  )
  return (
    await classifier.evaluate(
      judged.map((i) => pictures[i]),
      judged.map((i) => labels[i]),
    )
  ).accuracy
}

const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))

/** The lists of scikit-learn's estimators, by name. */
async function peersOf(train, names) {
  const X = await classifier.extractor.extract(train.map((i) => pictures[i]))
  const task = { X: join(folder, 'X'), columns: X.cols, y: names }
  writeFileSync(task.X, X.data)
  writeFileSync(join(folder, 'task.json'), JSON.stringify(task))
  const script = new URL('peers/suspects.py', import.meta.url).pathname
  const paths = [script, join(folder, 'task.json'), join(folder, 'answer.json')]
  execFileSync(process.env.PYTHON ?? '/usr/bin/python3', paths, { stdio: 'inherit' })
  return JSON.parse(readFileSync(paths[2], 'utf8'))
}

/** The average precision of a list in which the first `wrongCount` pictures should come first. */
function averagePrecision(list) {
  let found = 0
  let precision = 0
  for (const [rank, index] of list.entries()) if (index < wrongCount) precision += ++found / (rank + 1)
  return precision / wrongCount
}

const results = []
for (let draw = 0; draw < draws; draw++) {
  const order = Array.from(permutation(pictures.length, draw))
  const train = order.slice(0, count)
  const judged = order.slice(count, count + 1000)
  const names = train.map((i) => labels[i])
  const steps = permutation(wrongCount, 5000 + draw)
  // The order is random, so the first pictures are a random sample.
  for (let i = 0; i < wrongCount; i++) names[i] = (names[i] + 1 + (steps[i] % (classes - 1))) % classes
  const flipped = await accuracyOf(train, names, judged)
  const suspects = await classifier.suspects()
  const worst = suspects.slice(0, wrongCount)
  const dropped = new Set(worst.map(({ index }) => index))
  const kept = [...train.keys()].filter((i) => !dropped.has(i))
  const relabelled = names.slice()
  for (const { index, suggested } of worst) relabelled[index] = suggested
  results.push({
    'average precision': averagePrecision(suspects.map(({ index }) => index)),
    ...Object.fromEntries(
      Object.entries(await peersOf(train, names)).map(([name, list]) => [
        `average precision, ${name}`,
        averagePrecision(list),
      ]),
    ),
    'wrong labels kept': flipped,
    'worst dropped': await accuracyOf(
      kept.map((i) => train[i]),
      kept.map((i) => names[i]),
      judged,
    ),
    'worst relabelled': await accuracyOf(train, relabelled, judged),
    'labels all right': await accuracyOf(
      train,
      train.map((i) => labels[i]),
      judged,
    ),
  })
  console.log(`draw ${draw + 1}: average precision ${results[draw]['average precision'].toFixed(3)}`)
}
classifier.dispose()
rmSync(folder, { recursive: true })
for (const name of Object.keys(results[0])) {
  const values = results.map((result) => result[name])
  const mean = values.reduce((sum, value) => sum + value, 0) / draws
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws)
  console.log(`${name}: ${mean.toFixed(4)} +- ${deviation.toFixed(4)}`)
}
