// node bench/fine-tune.js FOLDER [--pictures=20,50,100] [--draws=1] [--judged=200] [--judge=FOLDER] [--mirror] [--shift=0.0625]
//   [--tuning=JSON] [--runtime=MODULE] [--out=FILE.json]
//
// Measures what fine-tuning the bundled CNN gains. FOLDER contains <class>/*.jpg. The last pictures of each class
// (--judged), or all of another folder (--judge), are used for evaluation. --mirror and --shift are options of both
// extractors, --tuning options of the fine-tuning, such as '{"validation":0}'. Each draw selects --pictures others of each class at random and fits three
// classifiers on them: one on the frozen CNN, one on the fine-tuned CNN (with default options, so that the frozen CNN
// is kept unless the tuned one is better), and the softmax head that was trained with the CNN. MODULE is a package such
// as onnxruntime-node.
import { ImageClassifier } from '../dist/lib/index.js'
import { commandLine, writeJson } from './command-line.js'
import { picturesIn, rowsByClass } from './pictures.js'
import { permutation } from './random.js'

const { folder, flags } = commandLine(
  'fine-tune.js FOLDER [--pictures=20,50,100] [--draws=1] [--judged=200]',
  {
    pictures: [20, 50, 100],
    draws: 1,
    judged: 200,
    judge: undefined,
    mirror: false,
    shift: 0,
    tuning: undefined,
    runtime: undefined,
    out: undefined,
  },
)
const judgedOfEach = flags.judge === undefined ? flags.judged : 0
const { mirror, shift } = flags
const runtime = flags.runtime === undefined ? undefined : await import(flags.runtime)
const { pictures, labels, classes } = picturesIn(folder)
const ofClass = rowsByClass(labels, classes)
const take = (list, rows) => rows.map((i) => list[i])
const judgedRows = ofClass.flatMap((own) => own.slice(own.length - judgedOfEach))
const judged =
  flags.judge === undefined
    ? { pictures: take(pictures, judgedRows), labels: take(labels, judgedRows) }
    : picturesIn(flags.judge)

async function accuracyOf(train, fineTune) {
  const classifier = await ImageClassifier.create({ extractor: { runtime, mirror, shift }, fineTune })
  const began = performance.now()
  await classifier.fit(take(pictures, train), take(labels, train))
  const seconds = (performance.now() - began) / 1000
  const { accuracy } = await classifier.evaluate(judged.pictures, judged.labels)
  const { tuning } = classifier.extractor
  classifier.dispose()
  return { accuracy, seconds, tuning }
}

const results = []
for (const count of flags.pictures) {
  for (let draw = 0; draw < flags.draws; draw++) {
    const train = ofClass.flatMap((own, k) => {
      const others = own.slice(0, own.length - judgedOfEach)
      return Array.from(permutation(others.length, 100 * draw + k).slice(0, count), (i) => others[i])
    })
    const frozen = await accuracyOf(train, false)
    const tuned = await accuracyOf(train, flags.tuning === undefined ? true : JSON.parse(flags.tuning))
    const { from, kept, epochs, validation } = tuned.tuning
    results.push({
      'pictures a class': count,
      draw,
      frozen: frozen.accuracy,
      tuned: tuned.accuracy,
      kept,
      from,
      epochs,
      'held out: frozen': validation?.frozen,
      'held out: tuned': validation?.tuned,
      'held out: softmax': validation?.softmax,
      seconds: Math.round(tuned.seconds),
    })
    console.log(JSON.stringify(results.at(-1)))
    writeJson(results, flags.out)
  }
}
console.table(results)
process.exit(0)
