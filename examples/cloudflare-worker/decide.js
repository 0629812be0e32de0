// Responds to each posted row of features with its label: the SVM alone, 24 kB with its WebAssembly, gzipped.
import { SvcPredictor } from 'softmargin/svm'
import file from './svm.libsvm'

const svm = SvcPredictor.fromLibsvm(file)

export default {
  async fetch(request) {
    const [label] = await svm.predict([await request.json()])
    return Response.json({ label })
  },
}
