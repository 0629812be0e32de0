import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digitPixels } from './pictures.js'
import { permutation, seeded } from './random.js'

const grid = { C: [0.1, 1, 10], gamma: [0.01, 0.1, 1, 'scale'], kernel: ['rbf', 'linear'] }

/**
 * The jobs to measure: `{ title, series?, data, rows, testRows, kernel, C, ... }`. Jobs of one `series` form a curve of
 * the plot of time against rows.
 *
 * @param quick whether to use small sizes
 */
export function listJobs(featureSets, quick) {
  const features = (rows, rest) => {
    const set = featureSets.find((candidate) => candidate.rows >= rows * 1.2)
    if (!set) console.log(`Skipped: ${rows} rows, more than any collection of pictures has`)
    const job = {
      title: `CNN features (${set?.name})`,
      data: set,
      rows,
      kernel: 'rbf',
      C: 1,
      gamma: 'scale',
      ...rest,
    }
    return set ? [job] : []
  }
  const big = quick ? 2000 : 10_000
  const curve = { series: 'CNN features, rbf, C = 1' }
  return [
    ...(quick ? [300, 1000, 2000] : [300, 1000, 5000, 10_000]).flatMap((rows) => features(rows, curve)),
    ...features(big, { C: 10 }),
    ...features(big, { kernel: 'linear' }),
    ...features(big, { title: 'imbalanced', imbalanced: true, classWeight: 'balanced' }),
    {
      title: 'raw digits',
      data: rawDigits(),
      rows: quick ? 2000 : 8000,
      kernel: 'rbf',
      C: 1,
      gamma: 'scale',
    },
    { title: 'easy, two classes', data: easyClasses(15_000), rows: big, kernel: 'rbf', C: 1, gamma: 'scale' },
    { title: 'easy, two classes', data: easyClasses(15_000), rows: 500, kernel: 'rbf', C: 1, gamma: 'scale' },
    ...features(quick ? 600 : 5000, { title: 'grid search', grid, cv: 3 }),
    // Too many rows for whole blocks of kernel values.
    ...[4, 192].map((cols) => ({
      title: 'overlapping, two classes',
      data: overlappingClasses(quick ? 30_000 : 125_000, cols),
      rows: quick ? 20_000 : 100_000,
      kernel: 'rbf',
      C: 1,
      gamma: 'scale',
    })),
    // Last, because it takes longest.
    ...(quick ? [] : features(50_000, curve)),
  ]
}

/** Writes a job's rows to files for the other programs, and returns the job with the paths of these. */
export function writeJob({ data: set, imbalanced, ...job }, folder) {
  const pool = imbalanced ? thinnedRows(set) : Int32Array.from({ length: set.rows }, (_, i) => i)
  const rows = Math.min(job.rows, Math.floor(pool.length * 0.8))
  const train = pool.subarray(0, rows)
  // Never training rows; repeated from the start if there are fewer than 10,000.
  const unseen = pool.subarray(rows, rows + 10_000)
  const testRows = Math.min(10_000, Math.max(rows, 1000))
  const test = Int32Array.from({ length: testRows }, (_, i) => unseen[i % unseen.length])

  const scale = columnScale(set, train)
  const X = scaled(set, train, scale)
  const file = (name, content) => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const labels = train.map((row) => set.labels[row])
  const written = {
    ...job,
    rows,
    testRows,
    cols: set.cols,
    classes: set.classes,
    warmRows: Math.min(rows, 30 * set.classes),
    train: file('train.f32', X),
    trainLabels: file('train.i32', labels),
    test: file('test.f32', scaled(set, test, scale)),
    testLabels: file(
      'test.i32',
      test.map((row) => set.labels[row]),
    ),
  }
  if (!job.grid) written.gamma = job.gamma === 'scale' ? 1 / (set.cols * variance(X)) : job.gamma
  if (job.classWeight === 'balanced') written.classWeight = balancedWeights(labels)
  return written
}

function rawDigits() {
  const { bytes, labels } = digitPixels()
  const order = permutation(bytes.length, 3)
  const data = new Float32Array(bytes.length * 784)
  order.forEach((from, to) => {
    data.set(bytes[from], to * 784)
  })
  return {
    name: 'mnist',
    data: data.map((grey) => grey / 255),
    labels: order.map((i) => labels[i]),
    rows: bytes.length,
    cols: 784,
    classes: 10,
    asTheyAre: true,
  }
}

/** Two clouds that hardly overlap: a few percent of the rows become support vectors. */
function easyClasses(rows) {
  const { normal } = seeded(9)
  const cols = 64
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 2)
  const data = Float32Array.from({ length: rows * cols }, (_, at) => {
    const shift = at % cols < 8 ? 2 * labels[Math.floor(at / cols)] : 0
    return shift + normal() * (at % cols < 8 ? 0.7 : 0.2)
  })
  return { name: 'clouds', data, labels, rows, cols, classes: 2, asTheyAre: true }
}

/** Two clouds that overlap slightly, for any number of columns. */
function overlappingClasses(rows, cols) {
  const { normal } = seeded(13)
  const distance = 5 / Math.sqrt(cols)
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 2)
  const data = Float32Array.from({ length: rows * cols }, (_, at) => {
    return normal() + ((at % cols) % 2 === labels[Math.floor(at / cols)] ? distance : 0)
  })
  return { name: 'overlapping clouds', data, labels, rows, cols, classes: 2, asTheyAre: true }
}

/** Keeps every (k + 1)^2-th row of class k. */
function thinnedRows({ rows, labels }) {
  const seen = new Map()
  return Int32Array.from({ length: rows }, (_, i) => i).filter((row) => {
    const count = (seen.get(labels[row]) ?? 0) + 1
    seen.set(labels[row], count)
    return count % Math.min((labels[row] + 1) ** 2, 50) === 0
  })
}

function columnScale({ data, cols, asTheyAre }, train) {
  const mean = new Float64Array(cols)
  const deviation = new Float64Array(cols).fill(1)
  if (asTheyAre) return { mean, deviation }
  for (const row of train) for (let j = 0; j < cols; j++) mean[j] += data[row * cols + j] / train.length
  const squares = new Float64Array(cols)
  for (const row of train) for (let j = 0; j < cols; j++) squares[j] += (data[row * cols + j] - mean[j]) ** 2
  for (let j = 0; j < cols; j++) deviation[j] = Math.sqrt(squares[j] / train.length) || 1
  return { mean, deviation }
}

function scaled({ data, cols }, rows, { mean, deviation }) {
  const out = new Float32Array(rows.length * cols)
  rows.forEach((row, i) => {
    for (let j = 0; j < cols; j++) out[i * cols + j] = (data[row * cols + j] - mean[j]) / deviation[j]
  })
  return out
}

function variance(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}

/** scikit-learn's 'balanced' weights, as numbers, which all programs accept. */
function balancedWeights(labels) {
  const counts = new Map()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return Object.fromEntries(
    [...counts].map(([label, count]) => [label, labels.length / (counts.size * count)]),
  )
}
