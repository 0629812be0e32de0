// In Node, without the types of a page.
import { createReadStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { ImageClassifier, npyBatches, readCsv, SoftmarginError, SVC } from 'softmargin'
import { softmarginEsbuild } from 'softmargin/bundler'
import { spawn } from 'softmargin/worker'
import { expectType } from './assert.js'

export async function server(paths: string[]) {
  const classifier = await ImageClassifier.load(new URL('pictures.onnx', import.meta.url))
  const labels = await classifier.predict([await readFile('a.png'), new Blob([]), ...paths], {
    signal: AbortSignal.timeout(1000),
  })
  await writeFile('pictures.onnx', await classifier.save())
  const { X, y } = await readCsv(createReadStream('rows.csv'), { label: 'kind' })
  const svc = await new SVC().fit(X, y)
  await writeFile('svm.onnx', await svc.toOnnx())
  for await (const batch of npyBatches(createReadStream('rows.npy'))) await svc.predict(batch)
  await spawn({ worker: new Worker(new URL('worker.js', import.meta.url)) })
  try {
    await svc.score(X, y)
  } catch (error) {
    if (error instanceof SoftmarginError && error.code === 'NOT_FITTED') throw error
  }
  expectType<string>()(softmarginEsbuild().name)
  return labels
}
