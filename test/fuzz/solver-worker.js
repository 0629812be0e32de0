// Fits a range of problems in a thread and reports the current run, so that the owner can detect one that hangs.
import { parentPort, workerData } from 'node:worker_threads'
import { GridSearchCV, OneClassSVM, SoftmarginError, SVC, SVR } from '../../dist/lib/svm.js'
import { drawProblem } from './solver-problems.js'

/** Hard problems cause many warnings; this test is about termination. */
const onWarning = () => {}

/** Default iteration limit of the solver; 100 per point if that is more. */
const MOST_ITERATIONS = 1e7

const { seed, from, to, at, builds } = workerData
const counts = {}
let slowest = 0
let slowestRun = -1
for (let run = from; run < to; run++) {
  Atomics.store(at, 0, run)
  const start = performance.now()
  const problem = drawProblem(seed, run)
  let what
  try {
    what = await outcomeOf(problem)
  } catch (error) {
    if (!(error instanceof SoftmarginError) || error.code === 'INTERNAL') {
      parentPort.postMessage({ failure: String(error.stack ?? error), run })
      process.exit()
    }
    what = error.code
  }
  counts[what] = (counts[what] ?? 0) + 1
  const time = performance.now() - start
  if (time > slowest) [slowest, slowestRun] = [time, run]
}
parentPort.postMessage({ counts, slowest, slowestRun })

/** Fits a problem and returns how the fit ended. */
async function outcomeOf({ estimator, options, X, y, sampleWeight, warmStart, grid }) {
  const svmOptions = { ...options, simd: builds[X.length % builds.length] }
  if (estimator === 'GridSearchCV') {
    const search = new GridSearchCV(new SVC({ ...svmOptions, threads: 1 }), grid, { cv: 2 })
    await search.fit(X, y, { onWarning })
    check(search.bestEstimator, options, X.length)
    search.dispose()
    return 'searched'
  }
  if (estimator === 'OneClassSVM') {
    const svm = await new OneClassSVM(svmOptions).fit(X, { sampleWeight, onWarning })
    return check(svm, options, X.length)
  }
  if (estimator === 'SVR') {
    const svm = await new SVR(svmOptions).fit(X, y, { sampleWeight, onWarning })
    return check(svm, options, 2 * X.length)
  }
  const svm = await new SVC({ ...svmOptions, threads: 1 }).fit(X, y, { sampleWeight, onWarning })
  if (warmStart) {
    check(svm, options, X.length)
    await svm.fit(X, y, { sampleWeight, warmStart, onWarning })
  }
  return check(svm, options, X.length)
}

/** Checks that the iterations match the status and that the fitted model consists of numbers. */
function check(svm, { maxIter }, points) {
  const { nIter, fitStatus, dualCoef, intercept } = svm
  const iterations = Array.isArray(nIter) || ArrayBuffer.isView(nIter) ? [...nIter] : [nIter]
  const most = maxIter > 0 ? maxIter : Math.max(MOST_ITERATIONS, 100 * (points + 16))
  if (iterations.some((count) => !(count >= 0 && count <= most))) throw new Error(`${iterations} iterations`)
  if (fitStatus === 'maxIter' && !iterations.includes(most) && maxIter > 0) {
    throw new Error(`'maxIter' after ${iterations} iterations of ${maxIter}`)
  }
  const intercepts = typeof intercept === 'number' ? [intercept] : [...intercept]
  if (![...dualCoef.data, ...intercepts].every(Number.isFinite))
    throw new Error('numbers that are not finite')
  return fitStatus
}
