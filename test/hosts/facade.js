// For Node, Deno and Bun: workers that are terminated, disposed of, or never disposed of.
import { Worker } from 'node:worker_threads'
import { SVC } from 'softmargin'
import { spawn } from 'softmargin/worker'
import { rows } from './program.js'

const { X, y } = rows()
const codeOf = (call) =>
  call.then(
    () => 'no error',
    ({ code }) => code,
  )

const worker = new Worker(new URL(import.meta.resolve('softmargin/worker/entry')))
const lost = await spawn({ worker })
const svc = new lost.SVC({ threads: 1 })
const onProgress = () => worker.terminate()
const codes = [await codeOf(svc.fit(X, y, { onProgress })), await codeOf(svc.predict(X))]

const released = await spawn()
const other = await new released.SVC().fit([[0], [1], [4], [5]], [0, 0, 1, 1])
await released[Symbol.asyncDispose]()
codes.push(await codeOf(other.predict([[0]])))

// The following objects are never disposed of, in this thread or in others, and the process must end all the same.
const forgotten = await spawn({ threads: 2 })
await new forgotten.SVC().fit(X, y)
await new SVC({ threads: 2 }).fit(X, y)
const extractor = await forgotten.FeatureExtractor.create()
await extractor.featureSize
console.log(codes.join(' '))
