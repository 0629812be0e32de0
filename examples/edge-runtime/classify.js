// Answers the label of each picture that is posted: a CNN and an SVM in one file that was trained elsewhere. The host
// hands in `classifier`, the file's bytes, and `modules`, the WebAssembly that it compiled before, by name.
import { ImageClassifier, useAssets } from 'softmargin/lite'

useAssets(modules)
let loaded

addEventListener('fetch', (event) => event.respondWith(classify(event.request)))

async function classify(request) {
  loaded ??= ImageClassifier.load(classifier)
  const [label] = await (await loaded).predict([await request.arrayBuffer()])
  return Response.json({ label })
}
