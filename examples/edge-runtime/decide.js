// Answers the label of each row of features that is posted. `svmWasm` is the module `softmargin/svm.wasm`, which
// the host compiled before; on Vercel: import svmWasm from 'softmargin/svm.wasm?module'.
import { SvcPredictor, useAssets } from 'softmargin/svm'
import file from './machine.libsvm'

useAssets({ 'svm.wasm': svmWasm })
const machine = SvcPredictor.fromLibsvm(file)

addEventListener('fetch', (event) => event.respondWith(decide(event.request)))

async function decide(request) {
  const [label] = await machine.predict([await request.json()])
  return Response.json({ label })
}
