// Predicts how an ONNX runtime that computes in plain float32 would differ from this library.

import { SoftmarginError } from '../core/errors.ts'
import type { Matrix } from '../core/matrix.ts'
import { forEachCoefficient } from '../engine/decision/expansion.ts'
import { vote } from '../engine/decision/voting.ts'
import type { Kernel } from '../engine/kernel/kernel.ts'
import { pairsOf } from '../engine/kernel/pairs.ts'
import { DecisionFunction } from './model/decision-function.ts'
import type { SvcState } from './model/svc-state.ts'

/**
 * Upper limits on the number of support vectors compared and on the multiply-adds spent: some tenths of a
 * second.
 */
const MAX_ROWS = 200
const MAX_WORK = 5e7

/**
 * Warns if a runtime that computes kernel values in plain float32, as ONNX Runtime does, would return different
 * labels. It compares the labels of some of the support vectors, since no other rows are available.
 *
 * @param onWarning default: a warning on the console
 */
export async function warnOfPlainFloat32(
  state: SvcState,
  onWarning: (message: string) => void = console.warn,
): Promise<void> {
  const { supportVectors, kernel, classes, tieOrder, options } = state
  if (kernel.kind === 'precomputed' || supportVectors.rows === 0) return
  const most = Math.floor(MAX_WORK / Math.max(1, supportVectors.data.length))
  const count = Math.min(supportVectors.rows, MAX_ROWS, Math.max(1, most))
  const rows = Array.from({ length: count }, (_, k) => Math.floor((k * supportVectors.rows) / count))
  const X = supportVectors.select(Int32Array.from(rows))
  // The input steps have already been applied to the support vectors.
  const decisions = new DecisionFunction({ ...state, inputSteps: [] }, { simd: options.simd ?? 'strict' })
  let codes: Int32Array
  try {
    codes = vote(await decisions.decide(X, {}), classes.length, tieOrder)
  } catch (error) {
    if (error instanceof SoftmarginError && error.code === 'INVALID_ARGUMENT') return
    throw error
  } finally {
    decisions.dispose()
  }
  const plain = vote(plainDecisions(state, kernel, X), classes.length, tieOrder)
  const differing = codes.filter((code, row) => code !== plain[row]).length
  if (differing === 0) return
  onWarning(
    `softmargin: a runtime that computes the SVM of this file in plain float32 gives ${differing} of ${count} support ` +
      'vectors another label than softmargin does, because kernel values are too close together. Scale the rows, or ' +
      'use a larger gamma or a smaller coef0, degree or C.',
  )
}

/** Decision values, rows x pairs, with every kernel value, coefficient and intercept rounded to float32. */
function plainDecisions(state: SvcState, kernel: Kernel, X: Matrix): Float64Array {
  const pairs = pairsOf(state.nSupport.length)
  const { supportVectors, intercept } = state
  const coefficients = pairs.map((pair) => {
    const terms: [number, number][] = []
    forEachCoefficient(state, pair, (coefficient, s) => terms.push([Math.fround(coefficient), s]))
    return terms
  })
  const out = new Float64Array(X.rows * pairs.length)
  const values = new Float64Array(supportVectors.rows)
  for (let row = 0; row < X.rows; row++) {
    for (let s = 0; s < values.length; s++) values[s] = plainKernel(kernel, X.row(row), supportVectors.row(s))
    for (const [p, terms] of coefficients.entries()) {
      let sum = 0
      for (const [coefficient, s] of terms) sum = Math.fround(sum + Math.fround(coefficient * values[s]))
      out[row * pairs.length + p] = Math.fround(sum + Math.fround(intercept[p]))
    }
  }
  return out
}

function plainKernel({ kind, gamma, coef0, degree }: Kernel, a: Float32Array, b: Float32Array): number {
  const { fround } = Math
  let sum = 0
  for (let k = 0; k < a.length; k++) {
    const difference = fround(a[k] - b[k])
    sum = fround(sum + (kind === 'rbf' ? fround(difference * difference) : fround(a[k] * b[k])))
  }
  if (kind === 'linear') return sum
  if (kind === 'rbf') return fround(Math.exp(fround(-fround(gamma) * sum)))
  const base = fround(fround(fround(gamma) * sum) + fround(coef0))
  return fround(kind === 'poly' ? base ** degree : Math.tanh(base))
}
