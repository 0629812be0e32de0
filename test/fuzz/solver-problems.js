// Small problems of every kind for the solver's fuzzer. Most of them are unlike any that a user would fit.
import { seeded } from '../../bench/random.js'

const KERNELS = ['linear', 'poly', 'rbf', 'sigmoid', 'precomputed']

/**
 * Draws the problem of a run: the same problem for the same seed and run.
 *
 * @returns `{ estimator, options, X, y, sampleWeight?, grid? }`, X as an array of rows
 */
export function drawProblem(seed, run) {
  const { uniform, normal, below } = seeded(
    (Math.imul(seed, 0x9e3779b1) ^ Math.imul(run + 1, 0x85ebca6b)) | 0,
  )
  const chance = (share) => uniform() < share
  const oneOf = (list) => list[below(list.length)]
  const logarithmic = (low, high) => low * (high / low) ** uniform()

  const estimator = chance(0.02) ? 'GridSearchCV' : oneOf(['SVC', 'SVC', 'SVC', 'SVR', 'OneClassSVM'])
  // With more than 64 rows per class, kernel rows are computed one by one; from about 100 rows on, the cache may evict
  // some.
  const rows = chance(0.95) ? 2 + below(22) : chance(0.8) ? 24 + below(110) : 134 + below(266)
  const cols = chance(0.5) ? 1 : 1 + below(6)
  const classes = chance(0.8) ? 2 : 3
  const kernel = oneOf(estimator === 'GridSearchCV' ? KERNELS.slice(0, 4) : KERNELS)
  const y = Array.from({ length: rows }, (_, row) => (row < classes ? row : below(classes)))

  let X = features({ rows, cols, y }, { uniform, normal, below, chance, oneOf, logarithmic })
  if (kernel === 'precomputed') X = kernelValues(X, { normal, chance })

  const options = {
    kernel,
    C: chance(0.3) ? oneOf([1, 100]) : logarithmic(1e-4, chance(0.2) ? 1e12 : 1e5),
    gamma: chance(0.4) ? 'scale' : chance(0.3) ? 'auto' : logarithmic(1e-8, 1e4),
    degree: chance(0.8) ? below(6) : below(12),
    coef0: chance(0.4) ? oneOf([0, 1, -1]) : normal() * logarithmic(0.01, 1e4),
    tol: chance(0.6) ? 1e-3 : logarithmic(1e-6, 1),
    // Without a limit the solver may take 10 million iterations: seconds for few rows, minutes for many.
    maxIter: chance(0.003) && rows < 24 ? -1 : chance(0.01) ? 20_000 : oneOf([1, 100, 999, 1001, 1010, 1500]),
  }
  if (chance(0.3)) options.cacheSize = logarithmic(1e-3, 1)
  const problem = { estimator, options, X, y }
  if (estimator === 'SVR') {
    problem.y = y.map((label, row) => label + X[row][0] * normal())
    options.epsilon = oneOf([0, 0.1, 1])
    if (chance(0.3)) problem.y = problem.y.map(() => 3)
  } else if (estimator === 'OneClassSVM') {
    delete options.C
    options.nu = chance(0.2) ? 1 : logarithmic(0.01, 1)
  } else {
    if (chance(0.1)) options.classWeight = 'balanced'
    else if (chance(0.2)) options.classWeight = { 0: logarithmic(1e-3, 1e3), 1: logarithmic(1e-3, 1e3) }
    if (estimator === 'SVC' && options.maxIter > 0 && chance(0.05)) options.probability = true
    if (estimator === 'SVC' && chance(0.05)) problem.warmStart = true
  }
  if (estimator === 'GridSearchCV') {
    problem.grid = { C: [options.C, 10 * options.C] }
    // Every class has at least two rows, one in each fold.
    for (let row = 0; row < Math.min(rows, 2 * classes); row++) y[row] = row % classes
  } else if (chance(0.2)) {
    problem.sampleWeight = y.map((_, row) => (row >= classes && chance(0.3) ? 0 : logarithmic(1e-3, 1e3)))
  }
  return problem
}

/**
 * Draws rows with properties that make kernels difficult: offsets, repeated and contradictory rows, heavy tails, units.
 */
function features({ rows, cols, y }, { uniform, normal, below, chance, oneOf, logarithmic }) {
  const size = chance(0.5) ? 1 : logarithmic(1e-6, 1e6)
  const offset = chance(0.5) ? 0 : oneOf([1, 10, 1000, 1e5]) * (chance(0.5) ? 1 : normal())
  const spread = chance(0.3) ? 0 : uniform() * 4
  const draw = oneOf([
    normal,
    normal,
    uniform,
    () => below(3),
    () => normal() / Math.max(1e-6, uniform()) ** 2,
    () => Math.round(normal() * 100) / 100,
  ])
  const X = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: cols }, (_, col) => size * (offset + draw() + (col === 0 ? spread * y[row] : 0))),
  )
  if (chance(0.3)) for (let row = 1; row < rows; row += 1 + below(4)) X[row] = [...X[below(row)]]
  if (chance(0.1)) for (const row of X) row[0] = X[0][0]
  if (chance(0.02)) X[below(rows)][0] = oneOf([1e38, -1e38, 1e-44, 1e19])
  return X
}

/** Draws kernel values between rows: dot products, or values that are not a kernel. */
function kernelValues(X, { normal, chance }) {
  const product = (a, b) => a.reduce((sum, value, col) => sum + value * b[col], 0)
  const isKernel = chance(0.6)
  const isSymmetric = chance(0.7)
  const values = X.map((a) => X.map((b) => (isKernel ? product(a, b) : normal())))
  return isSymmetric
    ? values.map((row, i) => row.map((_, j) => values[Math.max(i, j)][Math.min(i, j)]))
    : values
}
