import type { Run } from '../kernel/runs.ts'
import { PROBLEM } from '../wasm/bindings.ts'
import type { Engine } from '../wasm/engine.ts'

const FLOAT64_ARRAYS = ['gradient', 'beta', 'lower', 'upper', 'counted'] as const
const WORD_ARRAYS = ['shifted', 'up', 'down', 'diagonal', 'firstRow', 'secondRow', 'used', 'weight'] as const

/**
 * A dual problem in the engine's memory: per-point arrays and the solver's state (see assembly/smo.ts). Its points are
 * those of two runs. The views that its getters return are valid until the next allocation in the engine.
 */
export class DualProblem {
  readonly address: number
  readonly #engine: Engine
  readonly #arrays = {} as Record<(typeof FLOAT64_ARRAYS)[number] | (typeof WORD_ARRAYS)[number], number>
  /** Number of points, including padding, and the number of those in the first run. */
  size = 0
  split = 0
  /** Whether the initial b is expected to be near the optimum, so that projected conjugate gradients come first. */
  near = false

  /**
   * @param capacity points, including padding, of the largest problem that it will hold
   * @param pathIsFree whether every search path leads to the same optimum: then rows in memory may be preferred
   * @throws {SoftmarginError} `OUT_OF_MEMORY`
   */
  constructor(engine: Engine, capacity: number, pathIsFree: boolean) {
    this.#engine = engine
    this.address = engine.allocate(PROBLEM.bytes)
    for (const name of FLOAT64_ARRAYS) this.#arrays[name] = engine.allocate(capacity * 8)
    for (const name of WORD_ARRAYS) this.#arrays[name] = engine.allocate(capacity * 4)
    engine.int32(this.address, PROBLEM.bytes / 4).fill(0)
    for (const name of [...FLOAT64_ARRAYS, ...WORD_ARRAYS]) {
      engine.setInt32(this.address + PROBLEM[name], this.#arrays[name])
    }
    engine.setInt32(this.address + PROBLEM.pathIsFree, Number(pathIsFree))
  }

  /**
   * Starts a new problem of two runs. Every point is fixed at 0 and has no row yet.
   *
   * @param diagonal address of one f32 per position: K(x, x)
   */
  reset(first: Run, second: Run, diagonal: number, tolerance: number): void {
    const engine = this.#engine
    this.size = first.size + second.size
    this.split = first.size
    engine.setInt32(this.address + PROBLEM.size, this.size)
    engine.setInt32(this.address + PROBLEM.split, this.split)
    engine.setFloat64(this.address + PROBLEM.tolerance, tolerance)
    this.clear()
    for (const name of ['firstRow', 'secondRow'] as const) this.#words(name).fill(0)
    engine.copy(this.#arrays.diagonal, diagonal + first.start * 4, first.size * 4)
    engine.copy(this.#arrays.diagonal + first.size * 4, diagonal + second.start * 4, second.size * 4)
  }

  /** Fixes every point at 0 again; kernel rows are kept. */
  clear(): void {
    this.near = false
    for (const name of FLOAT64_ARRAYS) this.#engine.float64(this.#arrays[name], this.size).fill(0)
    this.#words('used').fill(0)
  }

  /** Adds `b` times the row of point `k`, which must be in memory, to the gradient. `b`: default beta[k]. */
  addRow(k: number, b = this.beta[k]): void {
    const { gradient } = this.#arrays
    const { exports } = this.#engine
    exports.addRow(gradient, this.firstRow[k], this.split, b)
    exports.addRow(gradient + this.split * 8, this.secondRow[k], this.size - this.split, b)
  }

  /** The kernel values of point `k`, whose row must be in memory, with the points of the run that begins at `from`. */
  kernelRow(k: number, from: number): Float32Array {
    const { split, size } = this
    if (from < split) return this.#engine.float32(this.firstRow[k], split)
    return this.#engine.float32(this.secondRow[k], size - split)
  }

  /** Whether a row, once in memory, stays there until the next `reset`. */
  set keepsRows(value: boolean) {
    this.#engine.setInt32(this.address + PROBLEM.keepsRows, Number(value))
  }

  /** K(x, x) of each point, f32. */
  get diagonal(): Float32Array {
    return this.#engine.float32(this.#arrays.diagonal, this.size)
  }

  /** Mean of K(x, x). */
  get meanDiagonal(): number {
    const diagonal = this.#engine.float32(this.#arrays.diagonal, this.size)
    return diagonal.reduce((sum, value) => sum + value, 0) / this.size
  }

  /** Initialises the solver from gradient, beta, lower and upper. */
  start(): void {
    this.#engine.exports.startProblem(this.address)
  }

  /** Runs at most `limit` iterations; returns SLICE_DONE, CONVERGED, NEEDS_ROW, STALLED or NOT_FINITE. */
  solve(limit: number): number {
    return this.#engine.exports.solve(this.address, limit)
  }

  /** Stops the search early: makes the gradient exact. */
  breakOff(): void {
    this.#engine.exports.breakOff(this.address)
  }

  /**
   * Minimises over all free points at once by projected conjugate gradients, if there are at most `limit`.
   *
   * @param scratch address of `projectedCgBytes(limit)` bytes
   * @param mostError estimated rounding error of K b beyond which no step is taken
   * @returns the number of free points, 0 if nothing was done, LOST where the step would exceed `mostError`
   */
  projectedCgStep(scratch: number, limit: number, mostError: number): number {
    return this.#engine.exports.projectedCgStep(this.address, scratch, limit, mostError)
  }

  /** The range of the gradients of the points that may move; before K b is added, the range of p. */
  get spread(): number {
    const { gradient, lower, upper } = this
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (let k = 0; k < gradient.length; k++) {
      if (!(lower[k] < upper[k])) continue
      least = Math.min(least, gradient[k])
      most = Math.max(most, gradient[k])
    }
    return most >= least ? most - least : 0
  }

  /**
   * At most `limit` points in [from, to) that have no row and violate the optimality conditions most.
   *
   * @param scratch address of room for 2 * `limit` i32
   */
  violators(scratch: number, limit: number, from = 0, to = this.size): Int32Array {
    const count = this.#engine.exports.violators(this.address, scratch, limit, from, to)
    return this.#engine.int32(scratch, count).slice()
  }

  /** F = Kb + p. Exact before the first `solve`, after one that returned CONVERGED or STALLED, and after `breakOff`. */
  get gradient(): Float64Array {
    return this.#engine.float64(this.#arrays.gradient, this.size)
  }
  /** b = y * alpha of each point. */
  get beta(): Float64Array {
    return this.#engine.float64(this.#arrays.beta, this.size)
  }
  get lower(): Float64Array {
    return this.#engine.float64(this.#arrays.lower, this.size)
  }
  get upper(): Float64Array {
    return this.#engine.float64(this.#arrays.upper, this.size)
  }
  /** Addresses of the two halves of each point's kernel row (see also `secondRow`); 0 if it is not in memory. */
  get firstRow(): Int32Array {
    return this.#words('firstRow')
  }
  get secondRow(): Int32Array {
    return this.#words('secondRow')
  }
  /** The iteration that last used each point's row. */
  get used(): Int32Array {
    return this.#words('used')
  }
  /** After NEEDS_ROW: the point whose row is missing, and the point whose row the same step also needs, or -1. */
  get wanted(): { point: number; held: number } {
    const { wanted, held } = PROBLEM
    return {
      point: this.#engine.getInt32(this.address + wanted),
      held: this.#engine.getInt32(this.address + held),
    }
  }
  /** rho of the decision function; NaN or infinite if kernel values are. */
  get threshold(): number {
    return this.#engine.exports.threshold(this.address)
  }
  /** Largest violation of the optimality conditions. */
  get gap(): number {
    return this.#engine.getFloat64(this.address + PROBLEM.gap)
  }
  get iterations(): number {
    return this.#engine.getFloat64(this.address + PROBLEM.iterations)
  }

  #words(name: (typeof WORD_ARRAYS)[number]): Int32Array {
    return this.#engine.int32(this.#arrays[name], this.size)
  }
}
