// node bench/next-to-label.js FOLDER [--draws=10] [--only=0,1] [--pool=4000] [--json=FILE]
//
// How many labels `nextToLabel` saves. FOLDER contains <class>/*.jpg. Each draw takes a pool of pictures and 2,000 others to
// evaluate on. A classifier with the defaults learns from 100 labelled pictures of the pool, then from 50 more at a time,
// chosen by `nextToLabel` or at random, until it has 500. Printed are the mean accuracies by number of labels, and the
// least number with which `nextToLabel` is as accurate as 500 labels at random. `--only` names some of the draws.
import { FeatureStore, ImageClassifier } from '../dist/lib/index.js'
import { commandLine, fiveDigits, writeJson } from './command-line.js'
import { picturesIn } from './pictures.js'
import { permutation } from './random.js'

const { folder, flags } = commandLine(
  'next-to-label.js FOLDER [--draws=10] [--only=0,1] [--pool=4000] [--json=FILE]',
  {
    draws: 10,
    only: undefined,
    pool: 4000,
    json: undefined,
  },
)
const poolSize = flags.pool
const chosenDraws = flags.only?.split(',').map(Number) ?? [...Array(flags.draws).keys()]
const [first, step, last] = [100, 50, 500]
const { pictures, labels } = picturesIn(folder)
const store = await FeatureStore.inMemory()
const classifier = await ImageClassifier.create({ store })
const pick = (rows) => [rows.map((i) => pictures[i]), rows.map((i) => labels[i])]

/** The accuracies with 100, 150, ..., 500 labels. @param choose returns positions of the pictures to label */
async function curve(pool, judged, choose) {
  const known = pool.slice(0, first)
  let rest = pool.slice(first)
  const accuracies = []
  for (;;) {
    await classifier.fit(...pick(known))
    accuracies.push((await classifier.evaluate(...pick(judged))).accuracy)
    if (known.length >= last) return accuracies
    const chosen = new Set(await choose(rest))
    known.push(...rest.filter((_, i) => chosen.has(i)))
    rest = rest.filter((_, i) => !chosen.has(i))
  }
}

const curves = { nextToLabel: [], 'at random': [] }
for (const draw of chosenDraws) {
  const order = Array.from(permutation(pictures.length, draw))
  const [judged, pool] = [order.slice(0, 2000), order.slice(2000, 2000 + poolSize)]
  const byMargin = async (rest) =>
    (await classifier.nextToLabel(pick(rest)[0], step)).map(({ index }) => index)
  curves.nextToLabel.push(await curve(pool, judged, byMargin))
  // The order of the pool is random.
  curves['at random'].push(await curve(pool, judged, async () => [...Array(step).keys()]))
  console.log(`draw ${draw} of ${chosenDraws.join(', ')}`)
}
classifier.dispose()

const sizes = curves['at random'][0].map((_, i) => first + step * i)
const mean = (list, i) => list.reduce((sum, own) => sum + own[i], 0) / list.length
const means = Object.fromEntries(
  Object.entries(curves).map(([name, list]) => [name, sizes.map((_, i) => mean(list, i))]),
)
console.log(['labels', ...sizes].join('\t'))
for (const [name, values] of Object.entries(means)) {
  console.log([name, ...values.map((value) => (100 * value).toFixed(1))].join('\t'))
}
const goal = means['at random'].at(-1)
const enough = sizes.find((_, i) => means.nextToLabel[i] >= goal)
console.log(`as accurate as ${last} labels at random (${(100 * goal).toFixed(1)} %): ${enough} labels`)
writeJson({ draws: chosenDraws, pool: poolSize, sizes, means, enough }, flags.json, fiveDigits)
