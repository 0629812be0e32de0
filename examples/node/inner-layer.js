// Uses the network up to `layer3`, flattened: 50,176 features per image, then an SVM.
//
// node scripts/resnet18.js resnet18.onnx && node examples/node/inner-layer.js resnet18.onnx 20
import { FeatureExtractor, SVC, trainTestSplit } from 'softmargin'
import { digits } from './digits.js'

const [model, count] = process.argv.slice(2)
const { images, labels } = digits(Number(count))

const extractor = await FeatureExtractor.create({ model, layer: 'layer3', pooling: 'none' })
const X = await extractor.extract(images)
const [XTrain, XTest, yTrain, yTest] = trainTestSplit(X, labels, { testSize: 0.2, stratify: true })

const svc = await new SVC().fit(XTrain, yTrain)
console.log(`features ${X.cols}`)
console.log(`accuracy ${await svc.score(XTest, yTest)}`)
