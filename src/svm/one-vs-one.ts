import { Engine } from '../engine/engine.ts'
import { conditioningOf, type Kernel, rescaled } from '../engine/kernel.ts'
import type { Simd } from '../engine/module.ts'
import { Pace } from '../engine/pace.ts'
import { packRows, type Run } from '../engine/packed-rows.ts'
import { pairsOf } from '../engine/pair-weights.ts'
import { type Expansion, forEachCoefficient } from '../engine/predictor.ts'
import type { DualProblem } from '../engine/problem.ts'
import { type FitStatus, train } from '../engine/train.ts'
import { memoryFor } from '../host/memory.ts'
import type { Matrix } from '../matrix.ts'
import type { Progress } from '../progress.ts'

/** What a fit works on: rows, the class of each, and the cost of each. */
export interface Classes {
  X: Matrix
  /** Row numbers, class by class. */
  groups: Int32Array[]
  /** Upper bound of the dual variable of each row: C times its class's and its own weight. */
  bounds: Float64Array
}

/** How far a fit has come: pairs of classes, and the gap of the pair that is being solved. */
export interface FitProgress extends Progress {
  /** Largest violation of the optimality conditions; the pair is solved at `tol`. */
  gap: number
}

/** A fitted machine: an expansion, and where it came from. */
export interface FittedMachine extends Expansion {
  /** Row numbers of the support vectors, class by class. */
  support: Int32Array
  nSupport: Int32Array
  /** Iterations of each pair. */
  nIter: Int32Array
  /** Why the fit ended: of the pairs, the worst. */
  fitStatus: FitStatus
}

/**
 * Solves the dual of every pair of classes (one-vs-one, as LIBSVM does) and joins the solutions.
 *
 * @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY`, `HOST_UNSUPPORTED`
 */
export async function fitOneVsOne(
  { X, groups, bounds }: Classes,
  kernel: Kernel,
  o: {
    tol: number
    maxIter: number
    cacheSize: number | undefined
    simd: Simd
    signal?: AbortSignal | undefined
    onProgress?: ((progress: FitProgress) => void) | undefined
  },
): Promise<FittedMachine> {
  const pace = new Pace(o.signal)
  const engine = await Engine.open(o.simd)
  const conditioning = conditioningOf(X, kernel.kind)
  const { scale } = conditioning
  const rows = packRows(engine, X, groups, rescaled(kernel, scale), conditioning)
  // A linear kernel of scaled rows is scale^2 times as large: its dual is the same with C and b so much smaller.
  const unit = kernel.kind === 'linear' ? scale * scale : 1
  const pairs = pairsOf(groups.length)
  const solutions = new Solutions(groups, X.rows)
  await train(engine, rows, pairs, {
    tolerance: o.tol,
    maxIterations: o.maxIter,
    cacheBytes: o.cacheSize === undefined ? memoryFor('kernel values') : o.cacheSize * 2 ** 20,
    pace,
    prepare(problem, first, second, n) {
      const [i, j] = pairs[n]
      prepareSide(problem, 0, first, groups[i], bounds, 1, unit)
      prepareSide(problem, first.size, second, groups[j], bounds, -1, unit)
    },
    collect(problem, first, _second, n, { status, iterations, rho }) {
      const [i, j] = pairs[n]
      const { beta } = problem
      solutions.put(j - 1, groups[i], beta, 0, unit)
      solutions.put(i, groups[j], beta, first.size, unit)
      solutions.close(-rho, iterations, status)
      o.onProgress?.({ done: n + 1, total: pairs.length, gap: problem.gap })
    },
    onSlice: (done, gap) => o.onProgress?.({ done, total: pairs.length, gap }),
  })
  const machine = solutions.machine(X, kernel)
  if (kernel.kind === 'linear' && conditioning.centre) uncentre(machine, pairs, conditioning.centre)
  return machine
}

/** Intercepts for rows as they came: f(x) = w.(x - centre) - rho = w.x - (rho + w.centre). */
function uncentre(machine: FittedMachine, pairs: [number, number][], centre: Float32Array): void {
  const products = Float64Array.from({ length: machine.support.length }, (_, s) => {
    const vector = machine.supportVectors.row(s)
    let product = 0
    for (let k = 0; k < vector.length; k++) product += vector[k] * centre[k]
    return product
  })
  for (const [p, pair] of pairs.entries()) {
    forEachCoefficient(machine, pair, (coefficient, s) => {
      machine.intercept[p] -= coefficient * products[s]
    })
  }
}

/** A C-SVC's side of the problem: p = -y, and b = y alpha between 0 and y C. */
export function prepareSide(
  problem: DualProblem,
  at: number,
  run: Run,
  group: Int32Array,
  bounds: Float64Array,
  sign: 1 | -1,
  unit: number,
): void {
  const { gradient, lower, upper } = problem
  for (let k = 0; k < run.count; k++) {
    gradient[at + k] = -sign
    if (sign === 1) upper[at + k] = bounds[group[k]] / unit
    else lower[at + k] = -bounds[group[k]] / unit
  }
}

/** Gathers the pairs' solutions and keeps the rows that any of them needs. */
class Solutions {
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

  put(line: number, group: Int32Array, beta: Float64Array, from: number, unit: number): void {
    for (let k = 0; k < group.length; k++) {
      this.#coefficients[line * this.#rows + group[k]] = beta[from + k] * unit
    }
  }

  close(intercept: number, iterations: number, status: FitStatus): void {
    this.#intercepts.push(intercept)
    this.#iterations.push(iterations)
    if (status === 'maxIter' || (status === 'stalled' && this.#status === 'converged')) this.#status = status
  }

  machine(X: Matrix, kernel: Kernel): FittedMachine {
    const lines = this.#groups.length - 1
    const counted = this.#groups.map((group) =>
      group.filter((row) => {
        for (let line = 0; line < lines; line++) {
          if (this.#coefficients[line * this.#rows + row] !== 0) return true
        }
        return false
      }),
    )
    const nSupport = Int32Array.from(counted, (rows) => rows.length)
    const support = Int32Array.from(counted.flatMap((rows) => [...rows]))
    const dualCoef = new Float64Array(lines * support.length)
    for (let line = 0; line < lines; line++) {
      for (const [s, row] of support.entries()) {
        dualCoef[line * support.length + s] = this.#coefficients[line * this.#rows + row]
      }
    }
    return {
      kernel,
      support,
      supportVectors: X.select(support),
      nSupport,
      dualCoef,
      intercept: Float64Array.from(this.#intercepts),
      nIter: Int32Array.from(this.#iterations),
      fitStatus: this.#status,
    }
  }
}
