// ml-svm: a simplified SMO in plain JavaScript, two classes only.
import { createRequire } from 'node:module'
import { accuracy, readJob, timed, toRows } from './job.js'

const require = createRequire(new URL('../.peers/package.json', import.meta.url))
const SVM = require('ml-svm')
const job = readJob()
const rows = toRows(job.train, job.cols)
const unseen = toRows(job.test, job.cols)
const signs = job.trainLabels.map((label) => (label === 0 ? -1 : 1))

const createSvm = () =>
  new SVM({
    C: job.C,
    tol: 1e-3,
    kernel: job.kernel,
    // Its gaussian is exp(-|x - z|^2 / (2 sigma^2)).
    kernelOptions: job.kernel === 'rbf' ? { sigma: Math.sqrt(1 / (2 * job.gamma)) } : {},
  })
let fitted
const fit = await timed(() => {
  fitted = createSvm()
  fitted.train(rows, signs)
}, job.repeat)
const predict = await timed(() => fitted.predict(unseen), job.repeat)
console.log(
  JSON.stringify({
    fit: fit.times,
    predict: predict.times,
    accuracy: accuracy(
      predict.result.map((sign) => (sign < 0 ? 0 : 1)),
      job.testLabels,
    ),
    supportVectors: fitted.supportVectors().length,
  }),
)
