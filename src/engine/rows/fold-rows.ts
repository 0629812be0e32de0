import type { DualProblem } from '../dual/dual-problem.ts'
import type { GramMatrix } from '../kernel/gram.ts'
import { type Kernel, storeKernel } from '../kernel/kernel.ts'
import { PairWeights } from '../kernel/pair-weights.ts'
import { RbfUnderflow } from '../kernel/rbf-underflow.ts'
import { padded, type Run } from '../kernel/runs.ts'
import type { Engine } from '../wasm/engine.ts'
import type { RowProvider } from './row-provider.ts'

/** Rows predicted at once: few, so that their kernel values stay in the cache. */
const BATCH = 24

/**
 * The training rows of one fold, and the values of one kernel between them, computed from a Gram matrix.
 *
 * The rows are stored contiguously, class by class, so that the blocks of a pair are small enough to stay in the cache.
 * They are used for all candidates with this kernel.
 */
export class FoldRows implements RowProvider {
  readonly keepsRows = true
  readonly share = 1
  readonly batch = 1
  readonly runs: Run[] = []
  readonly diagonal: number
  readonly #engine: Engine
  readonly #gram: GramMatrix
  readonly #kernel: Kernel
  /** Where the kernel is in memory. */
  readonly #kernelAddress: number
  /** Positions in the Gram matrix, class by class. */
  readonly #members: Int32Array[]
  /** Address of one f32 per row of the fold: |x|^2, 0 for padding. */
  readonly #norms: number
  /** Address of one f32 per row of the fold: 1, or 0 for padding. */
  readonly #present: number
  /** For each class, the list of the segments of Gram matrix columns that hold its rows: address and count. */
  readonly #stretches: { address: number; count: number }[]
  readonly #size: number
  /** Address of f32: |x|^2 of the rows that are being predicted. */
  readonly #rowNorms: number
  /** Address of the diagonal block of each class, and the classes whose block is still to be computed. */
  readonly #diagonal: number[]
  readonly #missing: Set<number>
  readonly #cross: number
  readonly #mirrored: number
  /** Scratch of `decide`: kernel values of a batch, and the sums of one model. */
  readonly #values: number
  readonly #sums: number
  /** Handles float32 underflow; rbf kernel only. */
  readonly #underflow: RbfUnderflow | undefined
  #pair = ''

  /** @param members positions in the Gram matrix, ascending, class by class */
  constructor(engine: Engine, gram: GramMatrix, members: Int32Array[], kernel: Kernel) {
    this.#engine = engine
    this.#gram = gram
    this.#kernel = kernel
    this.#kernelAddress = storeKernel(engine, kernel)
    this.#members = members
    let size = 0
    for (const positions of members) {
      const run = { start: size, count: positions.length, size: padded(positions.length) }
      this.runs.push(run)
      size += run.size
    }
    this.#size = size
    this.#stretches = members.map((positions, c) => {
      const list = stretchesOf(positions, this.runs[c].size, gram.size)
      const address = engine.allocate(list.length * 4)
      engine.int32(address, list.length).set(list)
      return { address, count: list.length / 2 }
    })
    this.#norms = engine.allocate(size * 4)
    this.#present = engine.allocate(size * 4)
    this.diagonal = engine.allocate(size * 4)
    const largest = Math.max(...this.runs.map((run) => run.size))
    this.#rowNorms = engine.allocate(Math.max(largest, BATCH) * 4)
    this.#diagonal = this.runs.map((run) => engine.allocate(run.size ** 2 * 4))
    this.#missing = new Set(this.runs.keys())
    this.#cross = engine.allocate(largest * largest * 4)
    this.#mirrored = engine.allocate(largest * largest * 4)
    const classes = members.length
    this.#values = engine.allocate(BATCH * size * 4)
    this.#sums = engine.allocate(BATCH * PairWeights.columns(classes) * classes * 8)
    if (kernel.kind !== 'rbf') return
    this.#underflow = new RbfUnderflow(engine, kernel.gamma, size, this.#norms, this.#present, BATCH)
  }

  /** Reads the norms of the rows from the Gram matrix, and computes the diagonal: must be called before any use. */
  readGram(): void {
    const engine = this.#engine
    const all = engine.float32(this.#gram.norms, this.#gram.size)
    const norms = engine.float32(this.#norms, this.#size).fill(0)
    const present = engine.float32(this.#present, this.#size).fill(0)
    for (const [c, positions] of this.#members.entries()) {
      for (const [k, position] of positions.entries()) {
        norms[this.runs[c].start + k] = all[position]
        present[this.runs[c].start + k] = 1
      }
    }
    engine.copy(this.diagonal, this.#norms, this.#size * 4)
    if (this.#kernel.kind === 'rbf') engine.float32(this.diagonal, this.#size).fill(1)
    else this.#apply(this.diagonal, 0, 1, 0, this.#size, 0)
  }

  /** Turns dot products of `rows` rows with the fold's rows from `start` on into kernel values, in place. */
  #apply(out: number, stride: number, rows: number, start: number, cols: number, rowNorms: number): void {
    const colNorms = this.#norms + start * 4
    this.#engine.exports.applyKernel(this.#kernelAddress, out, stride, rows, cols, rowNorms, colNorms)
  }

  /** Computes the blocks of the pair unless they are in memory, and sets the row addresses of the problem. */
  async attach(problem: DualProblem, first: number, second: number): Promise<void> {
    const [a, b] = [this.runs[first], this.runs[second]]
    for (const c of [first, second]) {
      if (this.#missing.delete(c)) this.#fill(c, c, this.#diagonal[c])
    }
    const pair = `${first} ${second}`
    if (pair !== this.#pair) {
      this.#fill(first, second, this.#cross)
      // The padding rows are read as columns of the mirror image, where a NaN would end the search.
      this.#engine.float32(this.#cross + a.count * b.size * 4, (a.size - a.count) * b.size).fill(0)
      this.#engine.exports.transpose(this.#cross, b.size * 4, a.size, b.size, this.#mirrored, a.size * 4)
    }
    this.#pair = pair
    const { firstRow, secondRow } = problem
    for (let k = 0; k < a.count; k++) {
      firstRow[k] = this.#diagonal[first] + k * a.size * 4
      secondRow[k] = this.#cross + k * b.size * 4
    }
    for (let k = 0; k < b.count; k++) {
      firstRow[a.size + k] = this.#mirrored + k * a.size * 4
      secondRow[a.size + k] = this.#diagonal[second] + k * b.size * 4
    }
  }

  async provide(): Promise<void> {
    throw new Error('a whole block lacks no row')
  }

  load(): Promise<void> {
    return this.provide()
  }

  /** out = K(first, second), row-major with the padded size of `second` as row length. */
  #fill(first: number, second: number, out: number): void {
    const { start, size } = this.runs[second]
    const { count, start: from } = this.runs[first]
    for (const [k, position] of this.#members[first].entries()) {
      this.#join(position, second, out + k * size * 4)
    }
    this.#apply(out, size * 4, count, start, size, this.#norms + from * 4)
  }

  /** Copies the dot products of a position of the Gram matrix with the rows of class `c`. */
  #join(position: number, c: number, out: number): void {
    const { address, count } = this.#stretches[c]
    this.#engine.exports.join(this.#gram.row(position), address, count, out)
  }

  /**
   * Evaluates the weighted kernel sums of several models for rows of the Gram matrix.
   *
   * @param positions positions of the rows in the Gram matrix
   * @param models the coefficients of each model; at least one
   * @param visit called per model and batch with the index of the model, the sums (rows x `length`, a view that is only
   *   valid during the call), the index in `positions` of the first row of the batch, and the number of rows
   */
  decide(
    positions: Int32Array,
    models: PairWeights[],
    visit: (model: number, sums: Float64Array, from: number, rows: number) => void,
  ): void {
    const engine = this.#engine
    const { length } = models[0]
    const stride = this.#size * 4
    const [values, sums, underflow] = [this.#values, this.#sums, this.#underflow]
    for (let from = 0; from < positions.length; from += BATCH) {
      const rows = Math.min(BATCH, positions.length - from)
      for (let r = 0; r < rows; r++) this.#joinAll(positions[from + r], values + r * stride)
      this.#takeNorms(positions.subarray(from, from + rows))
      const shift = underflow?.mayHold(this.#rowNorms, rows)
        ? underflow.shift(values, stride, rows, this.#rowNorms)
        : undefined
      this.#apply(values, stride, rows, 0, this.#size, shift?.norms ?? this.#rowNorms)
      for (const [m, weights] of models.entries()) {
        engine.float64(sums, rows * length).fill(0)
        for (const [c, run] of this.runs.entries()) {
          weights.addSums(c, [0, run.size], [values + run.start * 4, stride, rows], sums)
        }
        const decisions = engine.float64(sums, rows * length)
        if (shift) RbfUnderflow.scale(decisions, length, shift.factors)
        visit(m, decisions, from, rows)
      }
    }
  }

  /** Copies |x|^2 of these positions of the Gram matrix to `#rowNorms`. */
  #takeNorms(positions: Int32Array): void {
    const all = this.#engine.float32(this.#gram.norms, this.#gram.size)
    const norms = this.#engine.float32(this.#rowNorms, positions.length)
    for (const [r, position] of positions.entries()) norms[r] = all[position]
  }

  #joinAll(position: number, out: number): void {
    for (const c of this.runs.keys()) this.#join(position, c, out + this.runs[c].start * 4)
  }
}

/**
 * Ascending positions as (from, length) segments, padded to `size` with the first columns of the matrix: the padding is
 * never used, but must be finite.
 */
function stretchesOf(positions: Int32Array, size: number, columns: number): number[] {
  const list: number[] = []
  for (const position of positions) {
    const last = list.length - 2
    if (last >= 0 && position === list[last] + list[last + 1]) list[last + 1]++
    else list.push(position, 1)
  }
  const rest = size - positions.length
  if (rest > 0) list.push(0, Math.min(rest, columns))
  return list
}
