// The quick start: the complete method on real handwritten digits, from PNG files to an .onnx file and back.
import { writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { GridSearchCV, ImageClassifier, Normalizer, SVC, trainTestSplit } from '../dist/lib/index.js'
import { writeDigits } from './digits.js'

const folder = fileURLToPath(new URL('../quickstart', import.meta.url))
const file = `${folder}/digits.onnx`
const started = performance.now()
const here = (path) => relative(process.cwd(), path)
const pad = (cells, widths) =>
  cells
    .map((cell, i) => String(cell).padEnd(widths[i]))
    .join('')
    .trimEnd()

const { paths, labels } = await writeDigits(`${folder}/digits`, 350)
const [trainImages, testImages, trainLabels, testLabels] = trainTestSplit(paths, labels, {
  testSize: 0.2,
  stratify: true,
})
console.log(
  `${paths.length} handwritten digits as PNG files in ${here(folder)}/digits, one folder for each class.`,
)
console.log(`${trainImages.length} to train on, ${testImages.length} held out.\n`)

console.log(
  'Which layer of the CNN? Accuracy of an SVM (rbf, C = 10), 3-fold cross-validation on the training digits:',
)
const choices = [
  {},
  { layer: 'stage4', pooling: { grid: 2 } },
  { layer: 'stage3' },
  { layer: 'stage3', pooling: { grid: 2 } },
]
const lastLayer = await ImageClassifier.create()
const features = await lastLayer.extractor.extractLayers(trainImages, choices)
const widths = [26, 11, 11, 10]
console.log(pad(['layer', 'pooling', 'features', 'accuracy'], widths))
for (const [i, { layer, pooling }] of choices.entries()) {
  const X = await new Normalizer().transform(features[i])
  const search = new GridSearchCV(new SVC(), { C: [10] }, { cv: 3, refit: false })
  await search.fit(X, trainLabels)
  const name = layer ?? `${lastLayer.extractor.describe().layer} (the default)`
  const pooled = pooling ? `${pooling.grid}x${pooling.grid}` : 'average'
  console.log(pad([name, pooled, X.cols, search.bestScore.toFixed(4)], widths))
}
lastLayer.dispose()

console.log('\nTraining on stage3 pooled 2x2, with a grid search (5 folds):')
const classifier = await ImageClassifier.create({
  extractor: { layer: 'stage3', pooling: { grid: 2 } },
  scale: 'l2',
})
await classifier.fit(trainImages, trainLabels, {
  grid: { kernel: ['rbf'], C: [1, 10, 100], gamma: ['scale', 1, 5] },
})
const { bestIndex, cvResults } = classifier.search
console.log(pad(['kernel', 'C', 'gamma', 'accuracy', '+-'], [8, 6, 8, 10, 8]))
for (const [i, { kernel, C, gamma }] of cvResults.params.entries()) {
  const scores = [cvResults.meanTestScore[i].toFixed(4), cvResults.stdTestScore[i].toFixed(4)]
  console.log(pad([kernel, C, gamma, ...scores, i === bestIndex ? 'best' : ''], [8, 6, 8, 10, 8, 4]))
}

const { accuracy, confusionMatrix } = await classifier.evaluate(testImages, testLabels, { add: true })
console.log('\nConfusion matrix of the held-out digits (rows: true, columns: predicted):')
console.log(['', ...confusionMatrix.labels].map((label) => label.padStart(4)).join(''))
for (const [i, counts] of confusionMatrix.entries()) {
  console.log([confusionMatrix.labels[i], ...counts].map((cell) => String(cell).padStart(4)).join(''))
}

// What is saved has learnt from the held-out digits too.
await classifier.refit()
await writeFile(file, await classifier.save())
classifier.dispose()
const loaded = await ImageClassifier.load(file)
const some = testImages.slice(0, 8)
const predicted = await loaded.predict(some)
console.log(`\nSaved as ${here(file)}, one standard ONNX file; loaded again, it predicts:`)
for (const [i, image] of some.entries()) console.log(`  ${here(image)} is a ${predicted[i]}`)
loaded.dispose()

console.log(`\n${((performance.now() - started) / 1000).toFixed(1)} s`)
console.log(`hold-out accuracy ${accuracy.toFixed(3)}`)
