import type { DualProblem } from '../dual/dual-problem.ts'

/** Iterations between two looks: at least so many, and so many for each point. */
const LEAST_EVERY = 1e5
const EVERY = 100
/** A decrease below this share of what the gap still promises is rounding. */
const ROUNDING = 1e-13

/**
 * Notices a search that goes in circles. In exact arithmetic every step lowers the objective. Where F has lost more to
 * rounding than the gap is wide, steps go on changing b and gain nothing, and LIBSVM would make them until it reaches its
 * limit of iterations.
 */
export class ObjectiveWatch {
  /** The iteration from which on to look next. */
  next: number
  readonly #problem: DualProblem
  readonly #every: number
  #beta: Float64Array | undefined
  #gradient = new Float64Array(0)

  constructor(problem: DualProblem) {
    this.#problem = problem
    this.#every = Math.max(LEAST_EVERY, EVERY * problem.size)
    this.next = this.#every
  }

  /** Whether the objective has not become less since the last look. The gradient is exact then. */
  hasStalled(): boolean {
    const problem = this.#problem
    problem.breakOff()
    const { beta, gradient } = problem
    const [earlierBeta, earlierGradient] = [this.#beta, this.#gradient]
    this.#beta = beta.slice()
    this.#gradient = gradient.slice()
    this.next = problem.iterations + this.#every
    if (!earlierBeta) return false
    // The objective is quadratic, so that it differs by (b - b')'(F + F') / 2.
    let decrease = 0
    let size = 0
    for (let k = 0; k < beta.length; k++) {
      decrease -= ((beta[k] - earlierBeta[k]) * (gradient[k] + earlierGradient[k])) / 2
      size += Math.abs(beta[k])
    }
    return !(decrease > ROUNDING * size * problem.gap)
  }
}
