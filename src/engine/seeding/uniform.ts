// Starts a fit from equal duals for all points of a class.

import type { DualProblem } from '../dual/dual-problem.ts'
import type { Run } from '../kernel/runs.ts'

/** Number of sample points per class that decide whether a uniform start is worth its kernel products. */
const SAMPLE_POINTS = 8
/**
 * A uniform start is used if the dual of a point would be at least this share of its value without any other points.
 */
const MIN_DUAL_SHARE = 0.5

/**
 * If the points of a pair are nearly orthogonal in feature space (an rbf kernel with a large gamma), all points of a
 * class have nearly the same dual. This starts from such uniform duals, for every C.
 */
export class UniformSeed {
  readonly #first: Run
  readonly #second: Run
  /** Dual of each point of the first and of the second class, up to a common factor. */
  readonly #a: number
  readonly #b: number
  /** The best common factor, or 0 if a uniform start is not useful; and K b for factor 1. */
  #multiple: number | undefined
  #products: Float64Array = new Float64Array(0)

  constructor(first: Run, second: Run) {
    const less = Math.min(first.count, second.count)
    this.#first = first
    this.#second = second
    this.#a = less / first.count
    this.#b = less / second.count
  }

  /**
   * Sets the uniform duals, within the bounds of the problem, if they are a good start; otherwise leaves them at 0.
   */
  seed(problem: DualProblem): void {
    this.#multiple ??= this.#find(problem)
    if (this.#multiple === 0) return
    const { lower, upper, beta, gradient } = problem
    const [first, second] = [this.#first, this.#second]
    const t = Math.min(this.#multiple, upper[0] / this.#a, -lower[first.size] / this.#b)
    for (let k = 0; k < gradient.length; k++) gradient[k] += t * this.#products[k]
    for (let k = 0; k < first.count; k++) beta[k] = Math.min(t * this.#a, upper[k])
    for (let k = first.size; k < first.size + second.count; k++) beta[k] = Math.max(-t * this.#b, lower[k])
    problem.near = true
  }

  /**
   * Returns the factor with the least objective, or 0 if a sample of the points shows that the start is not
   * worthwhile.
   */
  #find(problem: DualProblem): number {
    const less = Math.min(this.#first.count, this.#second.count)
    const rough = this.#bestOf(this.#productsOf(problem, Math.max(1, Math.floor(less / SAMPLE_POINTS))))
    if (!(rough * problem.meanDiagonal >= MIN_DUAL_SHARE)) return 0
    this.#products = this.#productsOf(problem, 1)
    return this.#bestOf(this.#products)
  }

  /** Returns K b, estimated from every `step`th point of each class. The gradient is left unchanged. */
  #productsOf(problem: DualProblem, step: number): Float64Array {
    const [first, second] = [this.#first, this.#second]
    const { gradient } = problem
    const kept = gradient.slice()
    gradient.fill(0)
    const a = (this.#a * first.count) / Math.ceil(first.count / step)
    const b = (this.#b * second.count) / Math.ceil(second.count / step)
    for (let k = 0; k < first.count; k += step) problem.addRow(k, a)
    for (let k = 0; k < second.count; k += step) problem.addRow(first.size + k, -b)
    const products = gradient.slice()
    gradient.set(kept)
    return products
  }

  #bestOf(products: Float64Array): number {
    const [first, second] = [this.#first, this.#second]
    let quadratic = 0
    for (let k = 0; k < first.count; k++) quadratic += this.#a * products[k]
    for (let k = 0; k < second.count; k++) quadratic -= this.#b * products[first.size + k]
    return (2 * Math.min(first.count, second.count)) / quadratic
  }
}
