// Responds to each posted row of features with its label. `svmWasm` is the module `softmargin/svm.wasm`, compiled by
// the host in advance; on Vercel: import svmWasm from 'softmargin/svm.wasm?module'.
import { SvcPredictor, useAssets } from 'softmargin/svm'
import file from './svm.libsvm'

useAssets({ 'svm.wasm': svmWasm })
const svm = SvcPredictor.fromLibsvm(file)

addEventListener('fetch', (event) => event.respondWith(decide(event.request)))

async function decide(request) {
  const [label] = await svm.predict([await request.json()])
  return Response.json({ label })
}
