// node bench/pictures-a-class.js FOLDER [--judge=FOLDER] [--draws=5] [--judged=500] [--model=tiny]
//
// Measures how many pictures per class are enough: the accuracy of the defaults of ImageClassifier (a bundled CNN, tiny or small,
// standardized features, an rbf SVM with C = 3) and of k nearest neighbours on the same features, for 5, 10, 20, 50 and 150 pictures per class.
// Neighbours are found by the distance of standardized features, and by the angle between unscaled ones.
// FOLDER contains <class>/*.jpg. Each draw selects its training pictures at random, the smaller sets being subsets of the
// larger ones, and evaluates on other pictures: at most `--judged` per class, the same ones for every size; with `--judge` on
// all pictures of that folder.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import {
  accuracyScore,
  FeatureExtractor,
  Normalizer,
  StandardScaler,
  SVC,
  version,
} from '../dist/lib/index.js'
import { commandLine } from './command-line.js'
import { nearestNeighbours } from './nearest-neighbours.js'
import { picturesIn, rowsByClass } from './pictures.js'
import { permutation } from './random.js'
import { picturesTable } from './summary.js'

const SIZES = [5, 10, 20, 50, 150]
/** Numbers of neighbours. The best number and distance is reported, which slightly favours nearest neighbours. */
const KS = [1, 3, 5, 10, 20]
const NEIGHBOURS = ['euclidean', 'cosine'].flatMap((distance) => KS.map((k) => ({ k, distance })))

const { folder: pictureFolder, flags } = commandLine(
  'pictures-a-class.js FOLDER [--judge=FOLDER] [--draws=5] [--judged=500] [--model=tiny]',
  {
    judge: undefined,
    draws: 5,
    judged: 500,
    model: 'tiny',
  },
)
const { draws, judged: judgedPerClass } = flags
const given = picturesIn(pictureFolder)
const apart = flags.judge === undefined ? { pictures: [], labels: [] } : picturesIn(flags.judge)
const { classes } = given
const pictures = [...given.pictures, ...apart.pictures]
const labels = [...given.labels, ...apart.labels]
const apartRows = apart.pictures.map((_, i) => given.pictures.length + i)
const ofClass = rowsByClass(given.labels, classes)
const fewest = Math.min(...ofClass.map((own) => own.length))
if (fewest <= SIZES.at(-1)) {
  console.error(`each class needs more than ${SIZES.at(-1)} pictures, but the smallest has ${fewest}`)
  process.exit(2)
}

const extractor = await FeatureExtractor.create({ model: flags.model })
const { model, layer, featureSize } = extractor.describe()
console.log(`${pictures.length} pictures, ${classes} classes; ${featureSize} features of ${model}, ${layer}`)
const started = performance.now()
const features = await extractor.extract(pictures)
extractor.dispose()
const directions = await new Normalizer().transform(features)
console.log(`extracted in ${((performance.now() - started) / 1000).toFixed(0)} s`)

const sizes = SIZES.map((perClass) => ({ perClass, svm: [], neighbours: NEIGHBOURS.map(() => []), fit: [] }))
for (let draw = 0; draw < draws; draw++) {
  const orders = ofClass.map((own, label) =>
    Array.from(permutation(own.length, 1000 * draw + label), (i) => own[i]),
  )
  const judged =
    apartRows.length > 0
      ? apartRows
      : orders.flatMap((order) => order.slice(SIZES.at(-1), SIZES.at(-1) + judgedPerClass))
  const judgedLabels = judged.map((i) => labels[i])
  for (const size of sizes) {
    const trainRows = orders.flatMap((order) => order.slice(0, size.perClass))
    const trainLabels = trainRows.map((i) => labels[i])
    const begun = performance.now()
    const scaler = await new StandardScaler().fit(features.select(trainRows))
    const train = await scaler.transform(features.select(trainRows))
    const svc = await new SVC({ C: 3 }).fit(train, trainLabels)
    size.fit.push((performance.now() - begun) / 1000)
    const test = await scaler.transform(features.select(judged))
    size.svm.push(await svc.score(test, judgedLabels))
    svc.dispose()
    const answers = [
      ...nearestNeighbours(train, trainLabels, test, KS),
      ...nearestNeighbours(directions.select(trainRows), trainLabels, directions.select(judged), KS),
    ]
    for (const [i, answer] of answers.entries()) size.neighbours[i].push(accuracyScore(judgedLabels, answer))
  }
  console.log(`draw ${draw + 1} of ${draws}: ${judged.length} judged`)
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
const deviation = (values) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)))
const figures = (values) => ({ mean: mean(values), std: deviation(values), draws: values })
const results = sizes.map(({ perClass, svm, neighbours, fit }) => {
  const best = neighbours.reduce((top, own, i) => (mean(own) > mean(neighbours[top]) ? i : top), 0)
  return {
    perClass,
    svm: figures(svm),
    neighbours: { ...NEIGHBOURS[best], ...figures(neighbours[best]) },
    fitSeconds: mean(fit),
  }
})
const facts = {
  ...{ date: new Date().toISOString().slice(0, 10), version, node: process.versions.node },
  ...{
    pictures: given.pictures.length,
    classes,
    judged: apartRows.length || classes * Math.min(judgedPerClass, fewest - SIZES.at(-1)),
  },
  extractor: { model, layer, featureSize },
}
const folder = fileURLToPath(new URL('results', import.meta.url))
mkdirSync(folder, { recursive: true })
const short = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value)
const fileOf = (name) => `${folder}/pictures-a-class${name === 'tiny' ? '' : `-${name}`}.json`
writeFileSync(fileOf(model), `${JSON.stringify({ ...facts, results }, short, 2)}\n`)
const [tiny, small] = ['tiny', 'small'].map((name) => JSON.parse(readFileSync(fileOf(name), 'utf8')))
console.log(`\nWritten: ${fileOf(model)}. For the README:\n`)
console.log(picturesTable(tiny, small).join('\n'))
