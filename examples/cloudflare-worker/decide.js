// Responds to each posted row of features with its label: the SVM alone, 23 kB with its WebAssembly, gzipped.
import { SvcPredictor } from 'softmargin/svm'
import file from './machine.libsvm'

const machine = SvcPredictor.fromLibsvm(file)

export default {
  async fetch(request) {
    const [label] = await machine.predict([await request.json()])
    return Response.json({ label })
  },
}
