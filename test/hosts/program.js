import { hash } from './hash.js'
import { pictures } from './pictures.js'
import { simdLevel } from './simd.js'

/**
 * The one program that every host runs: features of pictures, a classifier, a grid search, and a fit that is large
 * enough for threads. In this thread with one thread, then in a worker with as many as there are.
 *
 * @param softmargin what `import * as softmargin from 'softmargin'` gives
 * @param spawn of `softmargin/worker`
 */
export async function program(softmargin, spawn) {
  const remote = await spawn()
  const away = await work(remote, undefined)
  await remote.dispose()
  const here = await work(softmargin, 1)
  return [
    { where: 'here', ...here },
    { where: remote.isWorker ? 'worker' : 'in place', ...away },
  ]
}

async function work(library, threads) {
  const start = Date.now()
  const { images, labels } = pictures(18)
  const extractor = await library.FeatureExtractor.create()
  const features = await extractor.extract(images)
  const classifier = await library.ImageClassifier.create({ extractor, svm: { C: 10 } })
  await classifier.fit(images, labels)
  const file = await classifier.save()
  const predictions = await classifier.predict(images)
  const grid = { C: [0.1, 1, 10], gamma: ['scale', 0.01], kernel: ['rbf', 'linear'] }
  const search = await new library.GridSearchCV(new library.SVC({ threads }), grid, { cv: 3 })
  await search.fit(features, labels)
  const results = await search.cvResults
  const svc = await new library.SVC({ threads })
  const { X, y } = rows()
  await svc.fit(X, y)
  const { options, ...large } = await svc.toState()
  for (const each of [svc, search, classifier, extractor]) await each.dispose()
  return {
    simd: simdLevel(),
    threads: threads ?? threadsHere(),
    features: hash(features.data),
    model: hash([file, results, large]),
    predictions: hash(predictions),
    seconds: (Date.now() - start) / 1000,
  }
}

/** 1,600 rows of 2,000 numbers in four classes: as much as is worth a second thread. */
function rows() {
  let state = 1
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  const y = Array.from({ length: 1600 }, (_, i) => i % 4)
  const X = y.map((label) =>
    Float32Array.from({ length: 2000 }, (_, j) => next() + (j % 4 === label ? 0.1 : 0)),
  )
  return { X, y }
}

/** What a long fit takes by itself: one thread where memory cannot be shared. */
function threadsHere() {
  const cores = globalThis.navigator?.hardwareConcurrency ?? 'all'
  if (typeof SharedArrayBuffer === 'undefined' || globalThis.crossOriginIsolated === false) return 1
  return typeof EdgeRuntime === 'string' || globalThis.navigator?.userAgent === 'Cloudflare-Workers'
    ? 1
    : cores
}
