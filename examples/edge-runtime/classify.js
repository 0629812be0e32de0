// Responds to each posted picture with its label, using a CNN and an SVM in one file that was trained elsewhere. The
// host provides `classifier`, the bytes of the file, and `modules`, the compiled WebAssembly modules by name.
import { ImageClassifier, useAssets } from 'softmargin/lite'

useAssets(modules)
let loaded

addEventListener('fetch', (event) => event.respondWith(classify(event.request)))

async function classify(request) {
  loaded ??= ImageClassifier.load(classifier)
  const [label] = await (await loaded).predict([await request.arrayBuffer()])
  return Response.json({ label })
}
