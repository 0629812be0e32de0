import { readFileSync } from 'node:fs'

/** Reads the job whose path is the last argument; its matrices are raw little-endian files. */
export function readJob() {
  const job = JSON.parse(readFileSync(process.argv.at(-1), 'utf8'))
  const floats = (path) => new Float32Array(new Uint8Array(readFileSync(path)).buffer)
  const labels = (path) => Array.from(new Int32Array(new Uint8Array(readFileSync(path)).buffer))
  return {
    ...job,
    train: floats(job.train),
    trainLabels: labels(job.trainLabels),
    test: floats(job.test),
    testLabels: labels(job.testLabels),
  }
}

/** Runs the work `repeat` times. Returns the last result and the seconds of each run. */
export async function timed(work, repeat) {
  const times = []
  let result
  for (let run = 0; run < repeat; run++) {
    const begun = performance.now()
    result = await work()
    times.push((performance.now() - begun) / 1000)
  }
  return { result, times }
}

/** Rows as arrays of numbers, for libraries that need them in this form. */
export function toRows(data, cols) {
  return Array.from({ length: data.length / cols }, (_, i) =>
    Array.from(data.subarray(i * cols, (i + 1) * cols)),
  )
}

/** The share of correct labels. */
export function accuracy(predicted, truth) {
  return truth.filter((label, i) => label === predicted[i]).length / truth.length
}
