// Searches C, gamma and kernel for the 512 features of a ResNet-18, by 3-fold cross-validation.
//
// node scripts/resnet18.js resnet18.onnx && node examples/node/grid-search.js resnet18.onnx 20
import { FeatureExtractor, GridSearchCV, SVC, trainTestSplit } from 'softmargin'
import { digits } from './digits.js'

const [model, count] = process.argv.slice(2)
const { images, labels } = digits(Number(count))

const extractor = await FeatureExtractor.create({ model })
const X = await extractor.extract(images)
const [XTrain, XTest, yTrain, yTest] = trainTestSplit(X, labels, { testSize: 0.2, stratify: true })

const grid = { C: [0.1, 1, 10], gamma: [0.01, 0.1, 1, 'scale'], kernel: ['rbf', 'linear'] }
const search = new GridSearchCV(new SVC(), grid, { cv: 3 })
await search.fit(XTrain, yTrain)
console.log('best parameters', search.bestParams)
console.log(`accuracy ${await search.score(XTest, yTest)}`)
