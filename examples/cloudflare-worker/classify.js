// Responds to each posted picture with its label, using a CNN and an SVM in one file that was trained elsewhere.
import { ImageClassifier } from 'softmargin/lite'
import file from './classifier.onnx'

let classifier

export default {
  async fetch(request) {
    classifier ??= ImageClassifier.load(file)
    const [label] = await (await classifier).predict([await request.arrayBuffer()])
    return Response.json({ label })
  },
}
