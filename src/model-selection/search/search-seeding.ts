// Where the fits of a search start from. They need not take LIBSVM's path: only its end is asked for.

import type { DualProblem } from '../../engine/dual/dual-problem.ts'
import type { Run } from '../../engine/kernel/runs.ts'
import type { SvcParameters } from '../../svm/model/svc-params.ts'

/** The duals of a pair that were long to find, or came from such: worth starting from. */
export interface Dual {
  beta: Float64Array
  gradient: Float64Array
  parameters: SvcParameters
}

/** Duals of a smaller C are a start if nothing else differs. */
export function isSeed(dual: Dual | undefined, { classWeight }: SvcParameters): boolean {
  return (
    dual !== undefined &&
    JSON.stringify(dual.parameters.classWeight ?? null) === JSON.stringify(classWeight ?? null)
  )
}

/**
 * Starts from the duals of a smaller C, made t times as large: of all t that the new bounds allow the one with
 * the least objective.
 */
export function seedFromDual(
  problem: DualProblem,
  { beta, gradient }: Dual,
  split: number,
  growth: number,
): void {
  let linear = 0
  let quadratic = 0
  for (let k = 0; k < beta.length; k++) {
    // p = -y, so Kb = F + y.
    linear += Math.abs(beta[k])
    quadratic += beta[k] * (gradient[k] + (k < split ? 1 : -1))
  }
  const t = quadratic > 0 ? Math.max(1, Math.min(growth, linear / quadratic)) : growth
  problem.near = true
  const target = problem.beta
  const { gradient: F, lower, upper } = problem
  for (let k = 0; k < beta.length; k++) {
    const y = k < split ? 1 : -1
    target[k] = Math.min(Math.max(beta[k] * t, lower[k]), upper[k])
    F[k] = t * (gradient[k] + y) - y
  }
}

/** Points of each class that tell whether an even start is worth its products. */
const SAMPLE = 8
/** An even start is taken if a point's dual would be at least this share of what it were alone. */
const ALONE = 0.5

/**
 * Where the points of a pair hardly see each other (an rbf kernel with a large gamma), all of a class have nearly the
 * same dual: a start there, for every C.
 */
export class UniformSeed {
  readonly #first: Run
  readonly #second: Run
  /** What the dual of a point of each class is a multiple of. */
  readonly #a: number
  readonly #b: number
  /** The best multiple, 0 if it is no good start; and K b at 1. */
  #multiple: number | undefined
  #products: Float64Array = new Float64Array(0)

  constructor(first: Run, second: Run) {
    const less = Math.min(first.count, second.count)
    this.#first = first
    this.#second = second
    this.#a = less / first.count
    this.#b = less / second.count
  }

  /** Starts the problem of the pair there, within its bounds, if that is good; else leaves it at 0. */
  plant(problem: DualProblem): void {
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

  /** The multiple with the least objective, if some points of each class say that it is worth its products. */
  #find(problem: DualProblem): number {
    const less = Math.min(this.#first.count, this.#second.count)
    const rough = this.#bestOf(this.#productsOf(problem, Math.max(1, Math.floor(less / SAMPLE))))
    if (!(rough * problem.meanDiagonal >= ALONE)) return 0
    this.#products = this.#productsOf(problem, 1)
    return this.#bestOf(this.#products)
  }

  /** K b, from every `step`th point of each class; the gradient stays as it is. */
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
