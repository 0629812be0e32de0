import type { MachineKernel } from '../engine/kernel.ts'
import type { Pace } from '../engine/pace.ts'
import { type Expansion, forEachCoefficient } from '../engine/predictor.ts'
import type { FitStatus } from '../engine/train.ts'
import { Matrix } from '../matrix.ts'

/** A fitted machine: an expansion, and where it came from. */
export interface FittedMachine extends Omit<Expansion, 'kernel'> {
  kernel: MachineKernel
  /** Row numbers of the support vectors, class by class. */
  support: Int32Array
  nSupport: Int32Array
  /** Iterations of each pair. */
  nIter: Int32Array
  /** Why the fit ended: of the pairs, the worst. */
  fitStatus: FitStatus
}

/** Gathers the solutions of pairs and keeps the rows that any of them needs. */
export class Solutions {
  readonly #groups: Int32Array[]
  /** LIBSVM's layout, (classes - 1) x all rows. */
  readonly #coefficients: Float64Array
  readonly #rows: number
  readonly #intercepts: number[] = []
  readonly #iterations: number[] = []
  #status: FitStatus = 'converged'

  constructor(groups: Int32Array[], rows: number) {
    this.#groups = groups
    this.#rows = rows
    this.#coefficients = new Float64Array((groups.length - 1) * rows)
  }

  /** Adds b of a group's rows, which stand in `beta` from `from` on. */
  add(line: number, group: Int32Array, beta: Float64Array, from: number, unit: number): void {
    for (let k = 0; k < group.length; k++) {
      this.#coefficients[line * this.#rows + group[k]] += beta[from + k] * unit
    }
  }

  close(intercept: number, iterations: number, status: FitStatus): void {
    this.#intercepts.push(intercept)
    this.#iterations.push(iterations)
    if (status === 'maxIter' || (status === 'stalled' && this.#status === 'converged')) this.#status = status
  }

  async machine(X: Matrix, kernel: MachineKernel, pace: Pace): Promise<FittedMachine> {
    const lines = this.#groups.length - 1
    // Line after line, as they stand in memory.
    const isSupport = new Uint8Array(this.#rows)
    for (let line = 0, at = 0; line < lines; line++) {
      for (let row = 0; row < this.#rows; row++, at++) if (this.#coefficients[at] !== 0) isSupport[row] = 1
    }
    const counted = this.#groups.map((group) => group.filter((row) => isSupport[row] === 1))
    const nSupport = Int32Array.from(counted, (rows) => rows.length)
    const support = new Int32Array(nSupport.reduce((sum, count) => sum + count))
    for (let c = 0, at = 0; c < counted.length; at += nSupport[c++]) support.set(counted[c], at)
    const dualCoef = new Float64Array(lines * support.length)
    for (let line = 0; line < lines; line++) {
      const own = this.#coefficients.subarray(line * this.#rows, (line + 1) * this.#rows)
      for (let s = 0; s < support.length; s++) dualCoef[line * support.length + s] = own[support[s]]
    }
    // Kernel values are no vectors: their numbers say all.
    const cols = kernel.kind === 'precomputed' ? 0 : X.cols
    const supportVectors = new Matrix(new Float32Array(support.length * cols), support.length, cols)
    await pace.inPieces(cols > 0 ? support.length : 0, cols, (from, to) => {
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

/** Intercepts for rows as they came: f(x) = w.(x - centre) - rho = w.x - (rho + w.centre). */
export async function uncentre(
  machine: FittedMachine,
  pairs: [number, number][],
  centre: Float32Array,
  pace: Pace,
): Promise<void> {
  const products = new Float64Array(machine.support.length)
  await pace.inPieces(products.length, centre.length, (from, to) => {
    for (let s = from; s < to; s++) {
      const vector = machine.supportVectors.row(s)
      for (let k = 0; k < vector.length; k++) products[s] += vector[k] * centre[k]
    }
  })
  for (const [p, pair] of pairs.entries()) {
    forEachCoefficient(machine, pair, (coefficient, s) => {
      machine.intercept[p] -= coefficient * products[s]
    })
  }
}
