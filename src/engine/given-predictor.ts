import type { Matrix } from '../matrix.ts'
import type { Pace } from './pace.ts'
import { pairsOf } from './pair-weights.ts'
import type { Expansion } from './predictor.ts'

/** Rows between two looks at the clock. */
const BLOCK = 16

/**
 * Answers decision values from kernel values that are handed in: of a row's values with all rows of the fit, those
 * with the support vectors count. Sums are in float64, for nothing is known of how large the values are.
 */
export class GivenPredictor {
  readonly #classes: { columns: Int32Array; lines: Float64Array[] }[] = []
  readonly #pairs: [number, number][]
  readonly #intercept: Float64Array

  /** @param support which rows of the fit the support vectors are */
  constructor(
    { nSupport, dualCoef, intercept }: Pick<Expansion, 'nSupport' | 'dualCoef' | 'intercept'>,
    support: Int32Array,
  ) {
    this.#pairs = pairsOf(nSupport.length)
    this.#intercept = intercept
    for (let c = 0, at = 0; c < nSupport.length; at += nSupport[c++]) {
      const lines: Float64Array[] = []
      for (let line = 0; line < nSupport.length - 1; line++) {
        const from = line * support.length + at
        lines.push(dualCoef.subarray(from, from + nSupport[c]))
      }
      this.#classes.push({ columns: support.subarray(at, at + nSupport[c]), lines })
    }
  }

  /** As `Predictor.decide`; X is rows x rows of the fit. */
  async decide(X: Matrix, pace: Pace, onBlock?: (done: number) => void): Promise<Float64Array> {
    const pairs = this.#pairs.length
    const out = new Float64Array(X.rows * pairs)
    const sums = this.#classes.map(({ lines }) => new Float64Array(lines.length))
    for (let row = 0; row < X.rows; row++) {
      const values = X.row(row)
      for (const [c, { columns, lines }] of this.#classes.entries()) {
        for (const [n, line] of lines.entries()) {
          let sum = 0
          for (let s = 0; s < columns.length; s++) sum += line[s] * values[columns[s]]
          sums[c][n] = sum
        }
      }
      for (const [p, [i, j]] of this.#pairs.entries()) {
        out[row * pairs + p] = sums[i][j - 1] + sums[j][i] + this.#intercept[p]
      }
      if ((row + 1) % BLOCK === 0 || row + 1 === X.rows) {
        onBlock?.(row + 1)
        if (pace.due) await pace.rest()
      }
    }
    return out
  }
}
