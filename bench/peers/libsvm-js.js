// libsvm-js: LIBSVM 3.22 compiled to WebAssembly.
import { createRequire } from 'node:module'
import { accuracy, readJob, timed, toRows } from './job.js'

const require = createRequire(new URL('../.peers/package.json', import.meta.url))
const SVM = await require('libsvm-js')
const job = readJob()
const rows = toRows(job.train, job.cols)
const unseen = toRows(job.test, job.cols)

const createSvm = () =>
  new SVM({
    type: SVM.SVM_TYPES.C_SVC,
    kernel: job.kernel === 'linear' ? SVM.KERNEL_TYPES.LINEAR : SVM.KERNEL_TYPES.RBF,
    cost: job.C,
    gamma: job.gamma,
    cacheSize: 1000,
    tolerance: 1e-3,
    quiet: true,
    ...(job.classWeight && { weight: job.classWeight }),
  })
const warm = createSvm()
warm.train(rows.slice(0, job.warmRows), job.trainLabels.slice(0, job.warmRows))
warm.predict(unseen.slice(0, 50))
warm.free()

let fitted
const fit = await timed(() => {
  fitted?.free()
  fitted = createSvm()
  fitted.train(rows, job.trainLabels)
}, job.repeat)
const predict = await timed(() => fitted.predict(unseen), job.repeat)
console.log(
  JSON.stringify({
    fit: fit.times,
    predict: predict.times,
    accuracy: accuracy(predict.result, job.testLabels),
    supportVectors: fitted.getSVIndices().length,
  }),
)
