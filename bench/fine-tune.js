// node bench/fine-tune.js FOLDER [--pictures=20,50,100] [--draws=1] [--judged=200] [--from=stage3] [--runtime=MODULE]
//   [--out=FILE.json]
//
// Measures what fine-tuning the bundled CNN gains. FOLDER contains <class>/*.jpg. The last pictures of each class
// (--judged) are used for evaluation. Each draw selects --pictures others of each class at random and fits three
// classifiers on them: one on the frozen CNN, one on the fine-tuned CNN (with default options, so that the frozen CNN
// is kept unless the tuned one is better), and the softmax head that was trained with the CNN. MODULE is a package such
// as onnxruntime-node.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ImageClassifier } from '../dist/lib/index.js'
import { pictureCollections } from './pictures.js'
import { permutation } from './random.js'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pictures: { type: 'string', default: '20,50,100' },
    draws: { type: 'string', default: '1' },
    judged: { type: 'string', default: '200' },
    from: { type: 'string' },
    runtime: { type: 'string' },
    out: { type: 'string' },
  },
})
if (positionals.length !== 1) {
  console.error('usage: node bench/fine-tune.js FOLDER [--pictures=20,50,100] [--draws=1] [--judged=200]')
  process.exit(2)
}
const judgedOfEach = Number(flags.judged)
const runtime = flags.runtime === undefined ? undefined : await import(flags.runtime)
const [{ pictures, labels, classes }] = pictureCollections(positionals[0])
const ofClass = Array.from({ length: classes }, (_, k) => [...labels.keys()].filter((i) => labels[i] === k))
const judged = ofClass.flatMap((own) => own.slice(-judgedOfEach))
const take = (list, rows) => rows.map((i) => list[i])

async function accuracyOf(train, fineTune) {
  const classifier = await ImageClassifier.create({ extractor: { runtime }, fineTune })
  const began = performance.now()
  await classifier.fit(take(pictures, train), take(labels, train))
  const seconds = (performance.now() - began) / 1000
  const { accuracy } = await classifier.evaluate(take(pictures, judged), take(labels, judged))
  const { tuning } = classifier.extractor
  classifier.dispose()
  return { accuracy, seconds, tuning }
}

const results = []
for (const count of flags.pictures.split(',').map(Number)) {
  for (let draw = 0; draw < Number(flags.draws); draw++) {
    const train = ofClass.flatMap((own, k) => {
      const others = own.slice(0, -judgedOfEach)
      return Array.from(permutation(others.length, 100 * draw + k).slice(0, count), (i) => others[i])
    })
    const frozen = await accuracyOf(train, false)
    const tuned = await accuracyOf(train, flags.from === undefined ? true : { from: flags.from })
    const { from, kept, epochs, validation } = tuned.tuning
    results.push({
      'pictures a class': count,
      draw,
      frozen: frozen.accuracy,
      tuned: tuned.accuracy,
      kept,
      from,
      epochs,
      'held out: frozen': validation.frozen,
      'held out: tuned': validation.tuned,
      'held out: softmax': validation.softmax,
      seconds: Math.round(tuned.seconds),
    })
    console.log(JSON.stringify(results.at(-1)))
    if (flags.out) writeFileSync(flags.out, `${JSON.stringify(results, undefined, 2)}\n`)
  }
}
console.table(results)
process.exit(0)
