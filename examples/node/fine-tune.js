// Fine-tunes the bundled CNN on handwritten digits, then trains an SVM on its features; evaluated on unseen digits.
//
// node examples/node/fine-tune.js 100 10   (digits of each kind, epochs)
import { FeatureExtractor, StandardScaler, SVC, trainTestSplit } from 'softmargin'
import { digits } from './digits.js'

const [count, epochs] = process.argv.slice(2).map(Number)
const { images, labels } = digits(count)
const [train, test, yTrain, yTest] = trainTestSplit(images, labels, { testSize: 0.2, stratify: true })

const frozen = await FeatureExtractor.create()
const tuned = await frozen.fineTune(train, yTrain, {
  from: 'stage3', // the layers before it stay frozen, and are computed only once
  epochs,
  augment: { flip: false }, // a mirrored digit is not the same digit
})
console.log('tuned', tuned.tuning.kept, tuned.tuning.validation)

for (const [name, extractor] of Object.entries({ frozen, tuned })) {
  const scaler = new StandardScaler()
  const svc = new SVC()
  await svc.fit(await scaler.fitTransform(await extractor.extract(train)), yTrain)
  const accuracy = await svc.score(await scaler.transform(await extractor.extract(test)), yTest)
  console.log(`${name} accuracy ${accuracy}`)
}
