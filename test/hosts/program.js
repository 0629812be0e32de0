import { hash } from './hash.js'
import { pictures } from './pictures.js'
import { simdLevel } from './simd.js'

/** Number of threads in the worker. */
const THREADS = 2

/**
 * The program that every host runs: features of pictures, a classifier, one with a fine-tuned CNN, a grid search,
 * and a fit that is large enough for threads; in this thread with one thread, then in a worker with two, if threads can share memory.
 *
 * @param softmargin the result of `import * as softmargin from 'softmargin'`
 * @param spawn from `softmargin/worker`
 */
export async function program(softmargin, spawn) {
  const wanted = { fit: mayShareMemory() ? THREADS : 1, images: mayHaveThreads() ? THREADS : 1 }
  const remote = await spawn({ threads: THREADS })
  const away = await work(remote, {}, wanted)
  await remote.dispose()
  const here = await work(softmargin, { threads: 1 }, { fit: 1, images: 1 })
  for (const [what, worked] of [
    ['fit', away.threads],
    ['images', away.imageThreads],
  ]) {
    if (worked !== wanted[what])
      throw new Error(`${worked} threads worked on the ${what}, not ${wanted[what]}`)
  }
  return [
    { where: 'here', ...here },
    { where: remote.isWorker ? 'worker' : 'in place', ...away },
  ]
}

/**
 * @param options the number of threads of SVMs and extractors
 * @param wanted the number of threads that must take part
 */
async function work(library, options, wanted) {
  const start = Date.now()
  const { images, labels } = pictures(18)
  const extractor = await library.FeatureExtractor.create(options)
  const features = await extractor.extract(images)
  const { many, imageThreads } = await manyFeatures(extractor, wanted.images)
  const classifier = await library.ImageClassifier.create({ extractor, svm: { C: 10 } })
  await classifier.fit(images, labels)
  const file = await classifier.save()
  const predictions = await classifier.predict(images)
  const fineTune = { from: 'stage2', epochs: 1, batchSize: 8, validation: 0 }
  const tuner = await library.ImageClassifier.create({ extractor: options, fineTune })
  await tuner.fit(images, labels)
  const tuned = await tuner.save()
  const grid = { C: [0.1, 1, 10], gamma: ['scale', 0.01], kernel: ['rbf', 'linear'] }
  const search = await new library.GridSearchCV(new library.SVC(options), grid, { cv: 3 })
  await search.fit(features, labels)
  const results = await search.cvResults
  const svc = await new library.SVC(options)
  const threads = await fitOnThreads(svc, wanted.fit)
  const { options: _, ...large } = await svc.toState()
  for (const each of [svc, search, tuner, classifier, extractor]) await each.dispose()
  return {
    simd: simdLevel(),
    threads,
    imageThreads,
    features: hash([features.data, many.data]),
    model: hash([file, results, large]),
    predictions: hash(predictions),
    tuned: hash(tuned),
    seconds: (Date.now() - start) / 1000,
  }
}

/** Features of enough pictures for threads to be worthwhile; repeated if a thread started too late. */
async function manyFeatures(extractor, wanted) {
  const { images } = pictures(240)
  let imageThreads = 0
  const onProgress = (progress) => {
    imageThreads = progress.threads
  }
  for (let tries = 1; ; tries++) {
    const many = await extractor.extract(images, { onProgress })
    if (imageThreads >= wanted || tries === 20) return { many, imageThreads }
  }
}

/** Fits an SVC to rows that suffice for threads; repeated if a thread started too late. Returns how many threads worked. */
async function fitOnThreads(svc, wanted) {
  const { X, y } = rows()
  let threads = 0
  const onProgress = (progress) => {
    threads = progress.threads
  }
  for (let tries = 1; ; tries++) {
    await svc.fit(X, y, { onProgress })
    if (threads >= wanted || tries === 20) return threads
  }
}

/** 1,600 rows of 2,000 numbers in four classes: enough for a second thread. */
export function rows() {
  let state = 1
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  const y = Array.from({ length: 1600 }, (_, i) => i % 4)
  const X = y.map((label) =>
    Float32Array.from({ length: 2000 }, (_, j) => next() + (j % 4 === label ? 0.1 : 0)),
  )
  return { X, y }
}

/** Browsers require COOP and COEP. */
function mayShareMemory() {
  if (typeof SharedArrayBuffer === 'undefined' || globalThis.crossOriginIsolated === false) return false
  return mayHaveThreads()
}

/** Edge functions have no threads. */
function mayHaveThreads() {
  return typeof EdgeRuntime === 'undefined' && globalThis.navigator?.userAgent !== 'Cloudflare-Workers'
}
