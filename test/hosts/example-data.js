import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pictures } from './pictures.js'

/** Creates the data of the examples: a folder of pictures, an SVM with two classes, a trained classifier. */
export async function exampleData(project) {
  const { images, labels } = pictures(96)
  const files = images.flatMap((bytes, i) =>
    bytes instanceof Uint8Array && i > 0 ? [{ bytes, label: labels[i] }] : [],
  )
  const folder = join(project, 'pictures')
  const named = join(project, 'named-pictures')
  mkdirSync(named, { recursive: true })
  for (const [i, { bytes, label }] of files.entries()) {
    mkdirSync(join(folder, label), { recursive: true })
    writeFileSync(join(folder, label, `${i}.png`), bytes)
    writeFileSync(join(named, `${label}-${i}.png`), bytes)
  }
  const { ImageClassifier, SVC } = await import(
    pathToFileURL(join(project, 'node_modules/softmargin/dist/lib/index.js'))
  )
  const classifier = await ImageClassifier.create()
  await classifier.fit(
    files.map(({ bytes }) => bytes),
    files.map(({ label }) => label),
  )
  const file = await classifier.save()
  classifier.dispose()
  writeFileSync(join(project, 'examples/cloudflare-worker/classifier.onnx'), file)
  const svc = await new SVC().fit(
    [
      [0, 0],
      [0, 1],
      [4, 4],
      [5, 4],
    ],
    [1, 1, 2, 2],
  )
  for (const host of ['cloudflare-worker', 'edge-runtime']) {
    writeFileSync(join(project, 'examples', host, 'svm.libsvm'), svc.toLibsvm())
  }
  return {
    folder,
    named,
    classifier: join(project, 'examples/cloudflare-worker/classifier.onnx'),
    first: files[0],
  }
}

/** Posts a request to an example and checks the response. */
export async function checkAnswer(post, body, label) {
  const response = await post(body)
  const text = await response.text()
  if (!response.ok || JSON.parse(text).label !== label) {
    throw new Error(`the example answered ${response.status} ${text} instead of ${label}`)
  }
}
