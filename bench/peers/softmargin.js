// softmargin, on one thread or the number of threads in the job: node softmargin.js strict|relaxed <job>
import { GridSearchCV, Matrix, SVC } from '../../dist/lib/svm.js'
import { accuracy, readJob, timed } from './job.js'

const job = readJob()
const simd = process.argv[2]
const { cols, repeat, threads = 1 } = job
const X = new Matrix(job.train, job.train.length / cols, cols)
const unseen = new Matrix(job.test, job.test.length / cols, cols)

const warm = await new SVC({ simd, threads: 1 }).fit(
  X.select([...Array(job.warmRows).keys()]),
  job.trainLabels.slice(0, job.warmRows),
)
await warm.predict(unseen.select([...Array(50).keys()]))
warm.dispose()

if (job.grid) {
  const search = new GridSearchCV(new SVC({ simd, threads }), job.grid, { cv: job.cv })
  const { times } = await timed(() => search.fit(X, job.trainLabels), repeat)
  console.log(JSON.stringify({ fit: times, meanTestScore: search.cvResults.meanTestScore }))
} else {
  const { kernel, C, gamma, classWeight } = job
  const svc = new SVC({ kernel, C, gamma, classWeight, simd, threads })
  const fit = await timed(() => svc.fit(X, job.trainLabels), repeat)
  const predict = job.fitOnly ? { times: [] } : await timed(() => svc.predict(unseen), repeat)
  console.log(
    JSON.stringify({
      fit: fit.times,
      predict: predict.times,
      accuracy: predict.result && accuracy(predict.result, job.testLabels),
      supportVectors: svc.support.length,
    }),
  )
}
