import type { Matrix } from '../../core/matrix.ts'
import { pairsOf } from '../kernel/pairs.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import type { Expansion } from './expansion.ts'

/** Rows predicted together. */
const BLOCK = 16

/**
 * Computes decision values for a precomputed kernel. A row holds its kernel values with all training rows, of which
 * those with the support vectors are used. Sums are in float64 because the magnitude of the values is unknown.
 */
export class PrecomputedPredictor {
  readonly #classes: { columns: Int32Array; lines: Float64Array[] }[] = []
  readonly #pairs: [number, number][]
  readonly #intercept: Float64Array
  /** Scratch: the sums of one row, per class. */
  readonly #sums: Float64Array[]

  /** @param support indexes of the support vectors among the training rows, grouped by class */
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
    this.#sums = this.#classes.map(({ lines }) => new Float64Array(lines.length))
  }

  /** Like `Predictor.close`; a precomputed kernel needs no engine. */
  close(): void {}

  /** Like `Predictor.decide`; X is rows x training rows. @throws {SoftmarginError} `ABORTED` */
  async decide(
    X: Matrix,
    timeSlice: TimeSlice,
    onBlock: (decisions: Float64Array, done: number) => void,
  ): Promise<void> {
    const pairs = this.#pairs.length
    const out = new Float64Array(BLOCK * pairs)
    for (let from = 0; from < X.rows; from += BLOCK) {
      const rows = Math.min(BLOCK, X.rows - from)
      for (let r = 0; r < rows; r++) this.#decideRow(X.row(from + r), out.subarray(r * pairs))
      onBlock(out.subarray(0, rows * pairs), from + rows)
      if (timeSlice.expired) await timeSlice.yield()
    }
  }

  #decideRow(values: Float32Array, out: Float64Array): void {
    for (const [c, { columns, lines }] of this.#classes.entries()) {
      for (const [n, line] of lines.entries()) {
        let sum = 0
        for (let s = 0; s < columns.length; s++) sum += line[s] * values[columns[s]]
        this.#sums[c][n] = sum
      }
    }
    for (const [p, [i, j]] of this.#pairs.entries()) {
      out[p] = this.#sums[i][j - 1] + this.#sums[j][i] + this.#intercept[p]
    }
  }
}
