// Trains on handwritten digits and shows as text which parts of an unseen digit make the decision: # speaks for the
// class, - against it.
//
// node examples/node/explain.js 20   (digits of each kind)
import { ImageClassifier } from 'softmargin'
import { digits } from './digits.js'

const count = Number(process.argv[2])
const { images, labels } = digits(count + 1)
// The last one of each kind is not learnt from.
const classifier = await ImageClassifier.create()
await classifier.fit(images.slice(0, -5), labels.slice(0, -5))
const { label, score, map } = await classifier.explain(images.at(-1))
console.log(`label ${label}, score ${score.toFixed(2)}`)
const greatest = Math.max(...map.data.map(Math.abs))
for (let y = 1; y < map.rows; y += 4) {
  const signs = Array.from({ length: map.cols / 2 }, (_, x) => {
    const share = map.row(y)[2 * x] / greatest
    return share > 0.4 ? '#' : share < -0.4 ? '-' : '.'
  })
  console.log(signs.join(''))
}
