// Answers the label of each row of features that is posted: the SVM alone, a few kilobytes.
import { SVC, useAssets } from 'softmargin/svm'
import svm from 'softmargin/svm.wasm'
import file from './machine.libsvm'

useAssets({ 'svm.wasm': svm })
const machine = SVC.fromLibsvm(file)

export default {
  async fetch(request) {
    const [label] = await machine.predict([await request.json()])
    return Response.json({ label })
  },
}
