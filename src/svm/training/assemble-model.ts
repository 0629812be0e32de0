// Assembles the solutions of all pairs of classes into one model.

import { Matrix } from '../../core/matrix.ts'
import { forEachCoefficient } from '../../engine/decision/expansion.ts'
import type { SvmKernel } from '../../engine/kernel/kernel.ts'
import type { RoundingError } from '../../engine/kernel/rounding-error.ts'
import type { FitStatus } from '../../engine/solver/solver.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { FittedModel } from '../model/fitted-model.ts'
import { worseStatus } from '../model/worse-status.ts'

/**
 * b of the rows of one class in the problem of one pair: part of one row of LIBSVM's (classes - 1) x rows
 * coefficients.
 */
interface Part {
  line: number
  group: number
  /** b in the order of the group's rows, and the factor to multiply it by. */
  beta: Float64Array
  unit: number
}

/** Reports that a fit has the status `'imprecise'`. */
export function warnOfRounding(
  { error }: RoundingError,
  margin: number,
  onWarning: (message: string) => void = console.warn,
): void {
  const share = ((100 * error) / margin).toPrecision(2)
  onWarning(
    "softmargin: fitStatus is 'imprecise': kernel values are so close together, or coefficients so large, that " +
      `rounding changes decision values by about ${share} % of the margin. Scale X, or use a smaller C, coef0 or ` +
      'degree, or another gamma.',
  )
}

/** Collects the solutions of all pairs and keeps the rows that are a support vector in any of them. */
export class ModelAssembler {
  readonly #groups: Int32Array[]
  readonly #parts: Part[] = []
  readonly #isSupport: Uint8Array
  readonly #intercepts: number[] = []
  readonly #iterations: number[] = []
  #status: FitStatus = 'converged'

  /**
   * @param groups row numbers of each class
   * @param rows total number of rows
   */
  constructor(groups: Int32Array[], rows: number) {
    this.#groups = groups
    this.#isSupport = new Uint8Array(rows)
  }

  add(part: Part): void {
    const { group, beta, unit } = part
    const rows = this.#groups[group]
    for (let k = 0; k < rows.length; k++) if (beta[k] * unit !== 0) this.#isSupport[rows[k]] = 1
    this.#parts.push(part)
  }

  close(intercept: number, iterations: number, status: FitStatus): void {
    this.#intercepts.push(intercept)
    this.#iterations.push(iterations)
    this.#status = worseStatus(this.#status, status)
  }

  async assemble(X: Matrix, kernel: SvmKernel, timeSlice: TimeSlice): Promise<FittedModel> {
    const isSupport = this.#isSupport
    const counted = this.#groups.map((group) => group.filter((row) => isSupport[row] === 1))
    const nSupport = Int32Array.from(counted, (rows) => rows.length)
    const first: number[] = []
    let count = 0
    for (const rows of counted) {
      first.push(count)
      count += rows.length
    }
    const support = new Int32Array(count)
    for (const [c, rows] of counted.entries()) support.set(rows, first[c])
    const dualCoef = new Float64Array((this.#groups.length - 1) * support.length)
    for (const { line, group, beta, unit } of this.#parts) {
      const rows = this.#groups[group]
      let at = line * support.length + first[group]
      // Adding 0 turns -0 into 0.
      for (let k = 0; k < rows.length; k++) if (isSupport[rows[k]] === 1) dualCoef[at++] = beta[k] * unit + 0
      if (timeSlice.expired) await timeSlice.yield()
    }
    // With a precomputed kernel there are no vectors to store; their row numbers suffice.
    const cols = kernel.kind === 'precomputed' ? 0 : X.cols
    const supportVectors = new Matrix(new Float32Array(support.length * cols), support.length, cols)
    await timeSlice.forEachChunk(cols > 0 ? support.length : 0, cols, (from, to) => {
      for (let s = from; s < to; s++) supportVectors.row(s).set(X.row(support[s]))
    })
    return {
      kernel,
      support,
      supportVectors,
      nSupport,
      dualCoef,
      intercept: Float64Array.from(this.#intercepts),
      nIter: Int32Array.from(this.#iterations),
      fitStatus: this.#status,
    }
  }
}

/** Adjusts the intercepts to rows that are not centred: f(x) = w.(x - centre) - rho = w.x - (rho + w.centre). */
export async function uncentre(
  model: FittedModel,
  pairs: [number, number][],
  centre: Float32Array,
  timeSlice: TimeSlice,
): Promise<void> {
  const products = new Float64Array(model.support.length)
  await timeSlice.forEachChunk(products.length, centre.length, (from, to) => {
    for (let s = from; s < to; s++) {
      const vector = model.supportVectors.row(s)
      for (let k = 0; k < vector.length; k++) products[s] += vector[k] * centre[k]
    }
  })
  for (const [p, pair] of pairs.entries()) {
    forEachCoefficient(model, pair, (coefficient, s) => {
      model.intercept[p] -= coefficient * products[s]
    })
  }
}
