import { describe, expect, test } from 'vitest'
import { Matrix } from '../../src/core/matrix.ts'
import { Random } from '../../src/core/random.ts'
import { SVC, type SvcOptions } from '../../src/svm/svc.ts'
import { builds } from '../support/builds.ts'
import { kernelMatrix } from '../support/kernel-matrix.ts'

/** Number of problems whose optimality conditions are checked, in each build. */
const PROBLEMS = 2000
/** Unit roundoff of float32: products and kernel values are off by a few units times the magnitude of their terms. */
const ROUNDING = 2 ** -24

interface Problem {
  X: Matrix
  y: number[]
  options: SvcOptions & { C: number; tol: number }
  sampleWeight: number[] | undefined
}

/** Draws a small problem of any kind: kernels, sizes, weights, costs, repeated rows, wrong labels. */
function draw(random: Random): Problem {
  const uniform = () => random.uint32() / 2 ** 32
  const between = (low: number, high: number) => low + Math.floor(uniform() * (high - low + 1))
  const logarithmic = (low: number, high: number) => low * (high / low) ** uniform()
  const normal = () => uniform() + uniform() + uniform() + uniform() - 2
  const classes = between(2, 4)
  const rows = between(classes, 36)
  const cols = between(1, 6)
  const size = logarithmic(0.05, 20)
  const offset = uniform() < 0.3 ? normal() * 10 * size : 0
  const spread = uniform() * 3
  const y = Array.from({ length: rows }, (_, i) => (i < classes ? i : between(0, classes - 1)))
  const X = new Matrix(new Float32Array(rows * cols), rows, cols)
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < cols; k++) {
      const centre = k === y[i] % cols ? spread : 0
      X.row(i)[k] = offset + size * (centre + normal())
    }
  }
  if (uniform() < 0.3) for (let i = 1; i < rows; i += 3) X.row(i).set(X.row(i - 1))
  const kernel = (['linear', 'poly', 'rbf', 'sigmoid'] as const)[between(0, 3)]
  const plain = 1 / (cols * size * size)
  return {
    X,
    y,
    options: {
      kernel,
      C: logarithmic(1e-3, 1e3),
      gamma: uniform() < 0.3 ? 'scale' : plain * logarithmic(0.1, kernel === 'rbf' ? 10 : 1),
      degree: between(1, 3),
      coef0: kernel === 'poly' ? between(0, 1) : -uniform(),
      tol: uniform() < 0.5 ? 1e-3 : logarithmic(1e-4, 1e-1),
      ...(uniform() < 0.3 && {
        classWeight: Object.fromEntries(Array.from({ length: classes }, (_, c) => [c, logarithmic(0.1, 10)])),
      }),
      ...(uniform() < 0.1 && { classWeight: 'balanced' as const }),
    },
    sampleWeight:
      uniform() < 0.3
        ? y.map((_, i) => (i < classes || uniform() < 0.8 ? logarithmic(0.1, 10) : 0))
        : undefined,
  }
}

/** The upper bound of each row. */
function boundsOf({ y, options, sampleWeight }: Problem): number[] {
  const { classWeight, C } = options
  const counts = new Map<number, number>()
  for (const label of y) counts.set(label, (counts.get(label) ?? 0) + 1)
  return y.map((label, row) => {
    let weight = 1
    if (classWeight === 'balanced') weight = y.length / (counts.size * counts.get(label)!)
    else if (classWeight) weight = classWeight[label]
    return C * weight * (sampleWeight?.[row] ?? 1)
  })
}

/** One pair's b by row of X, and the rounding error of F = K b - y. */
function pairsOf(problem: Problem, svc: SVC, order?: number[]) {
  const { nSupport, dualCoef, intercept, classes, kernel, ...state } = svc.toState()
  // The row numbers of a model that was fitted on the rows in another order.
  const support = order ? state.support.map((row) => order[row]) : state.support
  const { values, sizes } = kernelMatrix(problem.X, problem.X, kernel)
  const starts = [0]
  for (const count of nSupport) starts.push(starts.at(-1)! + count)
  const pairs = []
  for (let i = 0, n = 0; i < classes.length; i++) {
    for (let j = i + 1; j < classes.length; j++, n++) {
      const b = new Float64Array(problem.X.rows)
      for (let s = starts[i]; s < starts[i + 1]; s++) b[support[s]] = dualCoef[(j - 1) * support.length + s]
      for (let s = starts[j]; s < starts[j + 1]; s++) b[support[s]] = dualCoef[i * support.length + s]
      const sums = values.map((row) => row.reduce((sum, value, k) => sum + value * b[k], 0))
      const slack = sizes.map(
        (row) => row.reduce((sum, size, k) => sum + size * Math.abs(b[k]), 0) * ROUNDING,
      )
      const largest = Math.max(...values.map((row, k) => row[k]))
      pairs.push({ first: classes[i], second: classes[j], b, sums, slack, intercept: intercept[n], largest })
    }
  }
  return pairs
}

/** The violation of a pair's optimality conditions beyond rounding. */
function violation(
  { first, second, b, sums, slack }: ReturnType<typeof pairsOf>[number],
  y: number[],
  bounds: number[],
) {
  let least = Number.POSITIVE_INFINITY
  let largest = Number.NEGATIVE_INFINITY
  for (const [row, label] of y.entries()) {
    if ((label !== first && label !== second) || bounds[row] === 0) continue
    const sign = label === first ? 1 : -1
    const F = sums[row] - sign
    if (b[row] < (sign > 0 ? bounds[row] : 0)) least = Math.min(least, F + slack[row])
    if (b[row] > (sign > 0 ? 0 : -bounds[row])) largest = Math.max(largest, F - slack[row])
  }
  return largest - least
}

/** Describes what is wrong with a solution. */
function faults(problem: Problem, svc: SVC, decisions: Matrix): string[] {
  const { y, options } = problem
  const bounds = boundsOf(problem)
  const pairs = pairsOf(problem, svc)
  const turned = pairs.length === 1 ? -1 : 1
  const found: string[] = []
  for (const [p, pair] of pairs.entries()) {
    const { b, sums, slack, intercept } = pair
    let sum = 0
    let size = 0
    for (const [row, label] of y.entries()) {
      const [low, high] =
        label === pair.first ? [0, bounds[row]] : label === pair.second ? [-bounds[row], 0] : [0, 0]
      if (!(b[row] >= low && b[row] <= high)) found.push(`pair ${p}: b ${b[row]} of row ${row}`)
      sum += b[row]
      size += Math.abs(b[row])
      // The decision value must match the model's numbers.
      const own = sums[row] + intercept
      const reach = slack[row] + 1e-6 * (Math.abs(own) + Math.abs(intercept)) + 1e-6
      const answer = turned * decisions.row(row)[p]
      if (!(Math.abs(answer - own) <= reach)) found.push(`pair ${p}: f ${answer} of row ${row}, not ${own}`)
    }
    if (!(Math.abs(sum) <= 1e-12 * size)) found.push(`pair ${p}: b sum to ${sum}`)
    // The best step was lost in rounding, so the conditions cannot be met more closely.
    if (svc.fitStatus === 'stalled') continue
    const gap = violation(pair, y, bounds)
    if (!(gap <= options.tol)) found.push(`pair ${p}: gap ${gap}`)
  }
  return found
}

describe.each(builds)('%s build', (simd) => {
  test(`${PROBLEMS} random problems end at an optimum`, async () => {
    const random = new Random(1)
    let stalled = 0
    for (let n = 0; n < PROBLEMS; n++) {
      const problem = draw(random)
      const { X, y, options, sampleWeight } = problem
      const svc = await new SVC({ ...options, simd }).fit(X, y, { sampleWeight })
      const decisions = await svc.decisionFunction(X, { shape: 'ovo' })
      const name = `problem ${n}: ${JSON.stringify(options)}`
      if (svc.fitStatus !== 'converged') stalled++
      expect(svc.fitStatus, name).not.toBe('maxIter')
      expect(faults(problem, svc, decisions), name).toEqual([])
      svc.dispose()
    }
    expect(stalled).toBeLessThan(PROBLEMS / 100)
  })

  test('the order of rows does not matter', async () => {
    const random = new Random(2)
    let far = 0
    let count = 0
    for (let n = 0; n < 300; n++) {
      const problem = draw(random)
      const { X, y, sampleWeight } = problem
      // A kernel that is not positive definite has several optima, and with a huge C rounding determines the function.
      const kernel = problem.options.kernel === 'sigmoid' ? 'rbf' : problem.options.kernel
      const options = { ...problem.options, kernel, C: Math.min(10, problem.options.C), tol: 1e-6, simd }
      const order = random.shuffle(y.map((_, row) => row))
      const one = await new SVC(options).fit(X, y, { sampleWeight })
      const other = await new SVC(options).fit(
        X.select(order),
        order.map((row) => y[row]),
        { sampleWeight: sampleWeight && order.map((row) => sampleWeight[row]) },
      )
      const [first, second] = [
        await one.decisionFunction(X, { shape: 'ovo' }),
        await other.decisionFunction(X, { shape: 'ovo' }),
      ]
      const moved = pairsOf(problem, other, order)
      for (const [p, pair] of pairsOf(problem, one).entries()) {
        const found = differenceOfShapes(column(first, p), column(second, p))
        // (b - c)'K(b - c) = (F - G)'(b - c), which the conditions keep below (tol + rounding) |b - c|.
        const distance = pair.b.reduce((sum, own, row) => sum + Math.abs(own - moved[p].b[row]), 0)
        const rounding = Math.max(...pair.slack, ...moved[p].slack)
        const reach =
          2 * Math.sqrt(pair.largest * (options.tol + 2 * rounding) * distance) + 4 * rounding + 1e-5
        expect(found, `problem ${n}, pair ${p}: ${JSON.stringify(options)}`).toBeLessThanOrEqual(reach)
        if (found > 1e-3) far++
        count++
      }
    }
    // The bound is a worst case; nearly all are much closer.
    expect(far / count).toBeLessThan(0.03)
  })

  test('rescaling rows and gamma gives the same bits', async () => {
    const random = new Random(3)
    for (let n = 0; n < 200; n++) {
      const { X, y, options, sampleWeight } = draw(random)
      const unit = 2 ** (random.below(40) - 20)
      const scaled = new Matrix(
        X.data.map((value) => value * unit),
        X.rows,
        X.cols,
      )
      const gamma = typeof options.gamma === 'number' ? options.gamma / unit / unit : options.gamma
      const C = options.kernel === 'linear' ? options.C / unit / unit : options.C
      const one = await new SVC({ ...options, simd }).fit(X, y, { sampleWeight })
      const other = await new SVC({ ...options, gamma, C, simd }).fit(scaled, y, { sampleWeight })
      const name = `problem ${n}: ${unit} ${JSON.stringify(options)}`
      expect(other.nIter, name).toEqual(one.nIter)
      expect(await other.decisionFunction(scaled), name).toEqual(await one.decisionFunction(X))
    }
  })
})

/** A column of a table of decision values. */
function column(table: Matrix, p: number): number[] {
  return Array.from({ length: table.rows }, (_, row) => table.row(row)[p])
}

/** The largest difference of two functions up to a constant, which is not determined if no row is free. */
function differenceOfShapes(a: number[], b: number[]): number {
  const shift = b[0] - a[0]
  return Math.max(...a.map((value, row) => Math.abs(b[row] - value - shift)))
}
