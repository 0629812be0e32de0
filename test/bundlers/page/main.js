// Trains and predicts, in a worker and here with a second thread, and stores the results in `window.outcome`.
import { SVC } from 'softmargin/svm'
import { spawn } from 'softmargin/worker'

/** Grey pictures of 8 x 8 pixels; those of class 1 are bright on the right. */
function pictures() {
  const labels = Array.from({ length: 12 }, (_, i) => i % 2)
  const images = labels.map((label, i) => {
    const data = Uint8Array.from({ length: 64 }, (_, at) => 40 + ((i * 7 + at * 3) % 50))
    for (let at = 0; at < 64; at++) if (label === 1 && at % 8 > 3) data[at] += 120
    return { data, width: 8, height: 8, channels: 1 }
  })
  return { images, labels }
}

/** Enough rows for a second thread. */
function rows() {
  const X = Array.from({ length: 3300 }, (_, i) =>
    Array.from({ length: 400 }, (_, k) => ((i * (k + 7)) % 101) / 101 + (i % 3) * 0.05),
  )
  return { X, y: X.map((_, i) => i % 3) }
}

async function main() {
  const remote = await spawn()
  const { images, labels } = pictures()
  const classifier = await remote.ImageClassifier.create({ svm: { C: 10 } })
  await classifier.fit(images, labels)
  const pictured = await classifier.predict(images)
  await remote.dispose()
  const { X, y } = rows()
  const svc = await new SVC({ threads: 2 }).fit(X, y)
  return {
    isWorker: remote.isWorker,
    labels,
    pictured,
    vectors: svc.support.length,
    score: await svc.score(X, y),
  }
}

window.outcome = await main().then(JSON.stringify, (error) => `failed: ${error.stack ?? error}`)
