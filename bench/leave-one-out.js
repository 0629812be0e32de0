// node bench/leave-one-out.js FOLDER [--sizes=5,10,20,50] [--draws=10] [--judge=100] [--json=FILE]
//
// Leave-one-out from one fit. FOLDER contains <class>/*.jpg. Each draw takes pictures of each class to learn from, and `--judge`
// others of each class, on which a classifier that has learnt from all of the former is judged: its true accuracy, but for
// chance. Printed are, by the number of pictures per class, as means over the draws:
//
// - by how many percentage points guesses of that accuracy are off: leave-one-out, five-fold cross-validation, and a hold-out
//   of a fifth of the pictures, which judges a classifier that has learnt from the others; and how much too low leave-one-out
//   is;
// - the xi-alpha estimate, a bound from below, and how much lower than leave-one-out it is;
// - what leave-one-out and cross-validation cost: their CPU time divided by that of one fit, and the share of the problems of
//   two classes that leave-one-out has to solve again.
import {
  crossValScore,
  FeatureExtractor,
  leaveOneOut,
  StandardScaler,
  SVC,
  trainTestSplit,
  xiAlphaEstimate,
} from '../dist/lib/index.js'
import { commandLine, writeJson } from './command-line.js'
import { picturesIn, rowsByClass } from './pictures.js'
import { permutation } from './random.js'

const { folder, flags } = commandLine('leave-one-out.js FOLDER [--sizes=5,10] [--draws=10] [--json=FILE]', {
  sizes: [5, 10, 20, 50],
  draws: 10,
  judge: 100,
  json: undefined,
})
const { sizes, draws, judge } = flags
const { pictures, labels, classes } = picturesIn(folder)
const ofClass = rowsByClass(labels, classes)
/** The SVM of ImageClassifier. */
const options = { C: 3, threads: 1 }
const extractor = await FeatureExtractor.create()
const all = await extractor.extract(pictures)
extractor.dispose()

/** Fits a scaler and an SVC, and returns the accuracy on other rows. */
async function accuracy(X, y, XTest, yTest) {
  const scaler = await new StandardScaler().fit(X)
  const svc = await new SVC(options).fit(await scaler.transform(X), y)
  const score = await svc.score(await scaler.transform(XTest), yTest)
  svc.dispose()
  return score
}

async function timed(work) {
  const before = process.cpuUsage()
  const value = await work()
  const { user, system } = process.cpuUsage(before)
  return { value, ms: (user + system) / 1000 }
}

const results = []
for (const size of sizes) {
  const found = []
  for (let draw = 0; draw < draws; draw++) {
    const orders = ofClass.map((own, label) =>
      Array.from(permutation(own.length, 1000 * draw + label), (i) => own[i]),
    )
    const learnt = orders.flatMap((order) => order.slice(0, size))
    const judged = orders.flatMap((order) => order.slice(-judge))
    const [X, XTest] = [all.select(learnt), all.select(judged)]
    const [y, yTest] = [learnt.map((i) => labels[i]), judged.map((i) => labels[i])]
    const scaled = await (await new StandardScaler().fit(X)).transform(X)
    const svc = new SVC(options)
    const fit = await timed(() => svc.fit(scaled, y))
    const left = await timed(() => leaveOneOut(svc, scaled, y))
    const folds = await timed(() => crossValScore(svc, X, y, { cv: 5, scale: 'standard' }))
    const { trainRows, testRows } = trainTestSplit(X, y, { testSize: 0.2, stratify: true, randomState: draw })
    const part = (rows) => [X.select(rows), Array.from(rows, (row) => y[row])]
    const truth = await accuracy(X, y, XTest, yTest)
    const off = (guess) => 100 * Math.abs(guess - truth)
    found.push({
      accuracy: 100 * truth,
      leaveOneOut: off(left.value.accuracy),
      leaveOneOutBelow: 100 * (truth - left.value.accuracy),
      crossValidation: off(folds.value.reduce((sum, score) => sum + score, 0) / folds.value.length),
      holdOut: off(await accuracy(...part(trainRows), ...part(testRows))),
      xiAlphaBelow: 100 * (left.value.accuracy - (await xiAlphaEstimate(svc, scaled, y)).accuracy),
      leaveOneOutFits: left.ms / fit.ms,
      crossValidationFits: folds.ms / fit.ms,
      refits: (100 * left.value.refits) / left.value.problems,
    })
    svc.dispose()
  }
  const mean = (name) => found.reduce((sum, each) => sum + each[name], 0) / draws
  results.push({
    size,
    ...Object.fromEntries(Object.keys(found[0]).map((name) => [name, Number(mean(name).toPrecision(3))])),
  })
  console.log(results.at(-1))
}
writeJson({ draws, judge, results }, flags.json)
