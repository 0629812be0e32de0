// Digits through a ResNet-18 without its head: 512 features per image, then an SVM, evaluated on a held-out 20 %.
//
// node scripts/resnet18.js resnet18.onnx && node examples/node/last-layer.js resnet18.onnx 20
import { FeatureExtractor, SVC, trainTestSplit } from 'softmargin'
import { digits } from './digits.js'

const [model, count] = process.argv.slice(2)
const { images, labels } = digits(Number(count))

const extractor = await FeatureExtractor.create({ model })
const X = await extractor.extract(images)
const [XTrain, XTest, yTrain, yTest] = trainTestSplit(X, labels, { testSize: 0.2, stratify: true })

const svc = await new SVC({ kernel: 'rbf', gamma: 'scale' }).fit(XTrain, yTrain)
console.log(`features ${X.cols}`)
console.log(`accuracy ${await svc.score(XTest, yTest)}`)
