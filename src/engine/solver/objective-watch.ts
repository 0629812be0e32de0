import type { DualProblem } from '../dual/dual-problem.ts'

/** Iterations between two checks: the larger of this minimum and `ITERATIONS_PER_POINT` per point. */
const MIN_CHECK_INTERVAL = 1e5
const ITERATIONS_PER_POINT = 100
/** A decrease below this fraction of sum(|b|) * gap is attributed to rounding. */
const ROUNDING = 1e-13

/**
 * Detects a search that no longer makes progress. In exact arithmetic every step lowers the objective. If the rounding
 * error of F exceeds the gap, steps keep changing b without lowering the objective, and LIBSVM would continue until it
 * reaches its iteration limit.
 */
export class ObjectiveWatch {
  /** The iteration at which the next check is due. */
  next: number
  readonly #problem: DualProblem
  readonly #every: number
  #beta: Float64Array | undefined
  #gradient = new Float64Array(0)

  constructor(problem: DualProblem) {
    this.#problem = problem
    this.#every = Math.max(MIN_CHECK_INTERVAL, ITERATIONS_PER_POINT * problem.size)
    this.next = this.#every
  }

  /** Whether the objective has not decreased since the last call; false on the first. Makes the gradient exact. */
  hasStalled(): boolean {
    const problem = this.#problem
    problem.breakOff()
    const { beta, gradient } = problem
    const [earlierBeta, earlierGradient] = [this.#beta, this.#gradient]
    this.#beta = beta.slice()
    this.#gradient = gradient.slice()
    this.next = problem.iterations + this.#every
    if (!earlierBeta) return false
    // The objective is quadratic, so the difference is exactly (b - b')'(F + F') / 2.
    let decrease = 0
    let size = 0
    for (let k = 0; k < beta.length; k++) {
      decrease -= ((beta[k] - earlierBeta[k]) * (gradient[k] + earlierGradient[k])) / 2
      size += Math.abs(beta[k])
    }
    return !(decrease > ROUNDING * size * problem.gap)
  }
}
