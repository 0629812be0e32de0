import type { Engine } from './engine.ts'
import { FAR, FAR_VALUE } from './far.ts'
import type { GramMatrix } from './gram.ts'
import { KERNEL_CODES, type Kernel } from './kernel.ts'
import type { KernelRows } from './kernel-rows.ts'
import { padded, type Run } from './packed-rows.ts'
import { PairWeights } from './pair-weights.ts'
import type { DualProblem } from './problem.ts'

/** Rows whose sums are made at once. */
const BATCH = 64

/**
 * The rows that one fold trains on, and the values of one kernel between them, from a Gram matrix.
 *
 * They stand close together, class after class: the block of a pair is small enough to stay in the cache, and
 * serves all candidates with this kernel.
 */
export class FoldRows implements KernelRows {
  readonly share = 1
  readonly batch = 1
  readonly runs: Run[] = []
  readonly diagonal: number
  readonly #engine: Engine
  readonly #gram: GramMatrix
  readonly #kernel: Kernel
  /** Positions in the Gram matrix, class by class. */
  readonly #members: Int32Array[]
  /** f32 a place: |x|^2, 0 in the padding. */
  readonly #norms: number
  /** f32 a place: 1 for a row, 0 for the padding. */
  readonly #present: number
  /** For each class, where its stretches of the Gram matrix's columns are listed, and how many there are. */
  readonly #stretches: { address: number; count: number }[]
  readonly #size: number
  readonly #block: number
  #pair = ''

  /** @param members positions in the Gram matrix, ascending, class by class */
  constructor(engine: Engine, gram: GramMatrix, members: Int32Array[], kernel: Kernel) {
    this.#engine = engine
    this.#gram = gram
    this.#kernel = kernel
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
    const sizes = this.runs.map((run) => run.size).sort((a, b) => b - a)
    this.#block = engine.allocate((sizes[0] + sizes[1]) ** 2 * 4)
    this.#markRows()
  }

  /** Bytes that the constructor and `decide` take, for runs of these sizes. */
  static bytes(sizes: number[], machines: number): number {
    const [one, two] = [...sizes].sort((a, b) => b - a)
    const all = sizes.reduce((sum, size) => sum + size, 0)
    const columns = PairWeights.columns(sizes.length)
    const weights = all * columns * 4 * machines
    // The stretches take two numbers a row at worst.
    return (one + two) ** 2 * 4 + all * (5 + BATCH) * 4 + BATCH * columns * sizes.length * 8 + weights
  }

  #markRows(): void {
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
    else this.#apply(this.diagonal, 0, 0, this.#size)
  }

  /** Turns `cols` dot products of a row with the places from `start` on into kernel values. */
  #apply(out: number, norm: number, start: number, cols: number): void {
    const { kind, gamma, coef0, degree } = this.#kernel
    this.#engine.exports.applyKernel(
      ...([out, 0, 1, cols, KERNEL_CODES[kind], gamma, coef0, degree] as const),
      ...([norm, this.#norms + start * 4] as const),
    )
  }

  /** Makes the block of the pair, unless it is there, and lays its rows before the problem. */
  async attach(problem: DualProblem, first: number, second: number): Promise<void> {
    const [a, b] = [this.runs[first], this.runs[second]]
    const stride = (a.size + b.size) * 4
    const pair = `${first} ${second}`
    if (pair !== this.#pair) this.#fill(first, second, stride)
    this.#pair = pair
    const { firstRow, secondRow } = problem
    const lay = (point: number, row: number) => {
      firstRow[point] = this.#block + row * stride
      secondRow[point] = firstRow[point] + a.size * 4
    }
    for (let k = 0; k < a.count; k++) lay(k, k)
    for (let k = 0; k < b.count; k++) lay(a.size + k, a.count + k)
  }

  provide(): void {
    throw new Error('a whole block lacks no row')
  }

  load(): void {
    this.provide()
  }

  #fill(first: number, second: number, stride: number): void {
    const [a, b] = [this.runs[first], this.runs[second]]
    let out = this.#block
    for (const c of [first, second]) {
      for (const position of this.#members[c]) {
        this.#join(position, first, out)
        this.#join(position, second, out + a.size * 4)
        const norm = this.#gram.norms + position * 4
        this.#apply(out, norm, a.start, a.size)
        this.#apply(out + a.size * 4, norm, b.start, b.size)
        out += stride
      }
    }
  }

  /** Dot products of a position of the Gram matrix with the rows of a class. */
  #join(position: number, c: number, out: number): void {
    const { address, count } = this.#stretches[c]
    this.#engine.exports.join(this.#gram.row(position), address, count, out)
  }

  /**
   * Decision values of rows of the Gram matrix by several machines.
   *
   * @param positions where the rows stand
   * @param visit gets the number of the row, of the machine, and a view of the sums, which does not last
   */
  decide(
    positions: Int32Array,
    machines: PairWeights[],
    visit: (row: number, machine: number, sums: Float64Array) => void,
  ): void {
    const engine = this.#engine
    const mark = engine.mark()
    const { columns, length } = machines[0]
    const stride = this.#size * 4
    const values = engine.allocate(BATCH * stride)
    const sums = engine.allocate(BATCH * length * 8)
    const peaks = engine.allocate(BATCH * 4)
    const far = this.#mayBeFar(positions)
    for (let from = 0; from < positions.length; from += BATCH) {
      const rows = Math.min(BATCH, positions.length - from)
      for (let r = 0; r < rows; r++) {
        const position = positions[from + r]
        this.#joinAll(position, values + r * stride)
        this.#apply(values + r * stride, this.#gram.norms + position * 4, 0, this.#size)
      }
      if (far) engine.exports.rowPeaks(values, stride, rows, this.#size, this.#present, peaks)
      const farRows = far
        ? [...engine.float32(peaks, rows).keys()].filter((r) => engine.float32(peaks, rows)[r] < FAR_VALUE)
        : []
      for (const [m, weights] of machines.entries()) {
        engine.float64(sums, rows * length).fill(0)
        for (const [c, run] of this.runs.entries()) {
          engine.exports.weightedSums(
            ...([values + run.start * 4, stride, rows, run.size] as const),
            ...([weights.address(c), columns, sums + c * columns * 8, length * 8] as const),
          )
        }
        for (const r of farRows)
          this.#decideFar(positions[from + r], weights, values + r * stride, sums + r * length * 8)
        for (let r = 0; r < rows; r++) visit(from + r, m, engine.float64(sums + r * length * 8, length))
      }
    }
    engine.release(mark)
  }

  #joinAll(position: number, out: number): void {
    for (const c of this.runs.keys()) this.#join(position, c, out + this.runs[c].start * 4)
  }

  /** Whether any of the rows can be: |x - s|^2 is at most 2 |x|^2 + 2 |s|^2. */
  #mayBeFar(positions: Int32Array): boolean {
    const { kind, gamma } = this.#kernel
    if (kind !== 'rbf') return false
    const all = this.#engine.float32(this.#gram.norms, this.#gram.size)
    let largest = 0
    for (const position of positions) largest = Math.max(largest, all[position])
    let own = 0
    for (const norm of this.#engine.float32(this.#norms, this.#size)) own = Math.max(own, norm)
    return gamma * 2 * (largest + own) > FAR
  }

  #decideFar(position: number, weights: PairWeights, dots: number, sums: number): void {
    const { columns, length } = weights
    const norm = this.#engine.float32(this.#gram.norms, this.#gram.size)[position]
    this.#engine.float64(sums, length).fill(0)
    this.#joinAll(position, dots)
    for (const [c, run] of this.runs.entries()) {
      const at = run.start * 4
      this.#engine.exports.farSums(
        ...([dots + at, norm, this.#norms + at, this.#present + at, run.size, this.#kernel.gamma] as const),
        ...([weights.address(c), columns, sums + c * columns * 8] as const),
      )
    }
  }
}

/**
 * Ascending positions as (from, length) stretches, filled up to `size` with columns from the beginning of the
 * matrix: what stands in the padding is never used, but it must be finite.
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
