import { Engine } from '../engine/engine.ts'
import { GramMatrix } from '../engine/gram.ts'
import { type Conditioning, conditioningOf, type Kernel, rescaled } from '../engine/kernel.ts'
import { Pace } from '../engine/pace.ts'
import { PairWeights } from '../engine/pair-weights.ts'
import { FAR, FAR_VALUE } from '../engine/predictor.ts'
import type { DualProblem } from '../engine/problem.ts'
import { type Outcome, Solver } from '../engine/train.ts'
import { memoryFor } from '../host/memory.ts'
import type { Matrix } from '../matrix.ts'
import { checkClasses, type EncodedLabels } from './labels.ts'
import { classWeights, resolveKernel, type SvcParameters } from './parameters.ts'
import type { Fold } from './stratified-k-fold.ts'
import { vote } from './voting.ts'

/** One fit of a search: a candidate on a fold. */
interface Task {
  candidate: number
  fold: number
  parameters: SvcParameters
  kernel: Kernel
}

/** What a search works on. */
export interface Search {
  X: Matrix
  labels: EncodedLabels
  candidates: readonly SvcParameters[]
  folds: readonly Fold[]
}

/**
 * Whether one matrix of all dot products, and one of kernel values, fit into the memory that the candidates
 * allow.
 */
export function isSharable({ X, labels, candidates }: Search): boolean {
  const limit = Math.min(
    ...candidates.map(({ cacheSize }) =>
      cacheSize === undefined ? memoryFor('kernel values') : cacheSize * 2 ** 20,
    ),
  )
  return GramMatrix.bytes(groupsOf(labels), X.cols) <= limit
}

/**
 * Fits every candidate on every fold and predicts the fold's `test`, all from one matrix of dot products.
 *
 * Rows that a fold leaves out are points that may not move. Candidates that differ in C alone follow each other,
 * so that the duals of a smaller C start the next (D. DeCoste, K. Wagstaff, "Alpha seeding for support vector
 * machines", KDD 2000) where a start from 0 proved long.
 *
 * @param o.onPredicted gets the class numbers of the rows in `folds[fold].test`
 * @throws {SoftmarginError} `ABORTED`, `ONE_CLASS`, `OUT_OF_MEMORY`, `INVALID_ARGUMENT`
 */
export async function searchShared(
  search: Search,
  o: {
    signal?: AbortSignal | undefined
    onPredicted: (candidate: number, fold: number, codes: Int32Array) => void
  },
): Promise<void> {
  const pace = new Pace(o.signal)
  for (const centred of [true, false]) {
    const tasks = tasksOf(search).filter(({ kernel: { kind } }) => isCentred(kind) === centred)
    // The builds of the engine differ in their last bits: each makes a matrix of its own.
    for (const simd of new Set(tasks.map(({ parameters }) => parameters.simd))) {
      const own = tasks.filter(({ parameters }) => parameters.simd === simd)
      const engine = await Engine.open(simd)
      const conditioning = conditioningOf(search.X, own[0].kernel.kind)
      const groups = groupsOf(search.labels)
      const gram = await GramMatrix.open(engine, search.X, groups, conditioning, pace)
      const machine = new SharedMachine(engine, gram, search, groups, conditioning)
      for (const task of own) {
        await machine.run(task, pace)
        o.onPredicted(task.candidate, task.fold, machine.predict(task))
      }
    }
  }
}

function isCentred(kind: Kernel['kind']): boolean {
  return kind === 'rbf' || kind === 'linear'
}

/** Row numbers, class by class. */
function groupsOf({ classes, codes }: EncodedLabels): Int32Array[] {
  const groups: number[][] = classes.map(() => [])
  for (const [row, code] of codes.entries()) groups[code].push(row)
  return groups.map((group) => Int32Array.from(group))
}

/** All fits, such that equal kernels, then equal folds, then small C before large ones follow each other. */
function tasksOf({ X, candidates, folds }: Search): Task[] {
  const tasks = folds.flatMap(({ train }, fold) => {
    // gamma: 'scale' depends on the rows of the fold.
    const rows = candidates.some(({ gamma }) => gamma === 'scale') ? X.select(train) : X
    return candidates.map((parameters, candidate): Task => {
      const kernel = resolveKernel(parameters, rows)
      return { candidate, fold, parameters, kernel }
    })
  })
  const order = new Map<string, number>()
  for (const { kernel } of tasks) {
    const key = keyOf(kernel)
    if (!order.has(key)) order.set(key, order.size)
  }
  return tasks.sort(
    (a, b) =>
      order.get(keyOf(a.kernel))! - order.get(keyOf(b.kernel))! ||
      a.fold - b.fold ||
      a.parameters.C - b.parameters.C ||
      a.candidate - b.candidate,
  )
}

/** A text that is the same for kernels with the same values. */
function keyOf({ kind, gamma, coef0, degree }: Kernel): string {
  if (kind === 'linear') return kind
  if (kind === 'rbf') return `${kind} ${gamma}`
  return `${kind} ${gamma} ${coef0}${kind === 'poly' ? ` ${degree}` : ''}`
}

/** The duals of a pair, and how hard they were to find. */
interface Dual {
  beta: Float64Array
  gradient: Float64Array
  iterations: number
}

/** Rows whose sums are made at once. */
const STRETCH = 64

/** One-vs-one machines on a shared matrix, one after the other in the same memory. */
class SharedMachine {
  readonly #engine: Engine
  readonly #gram: GramMatrix
  readonly #search: Search
  readonly #groups: Int32Array[]
  readonly #conditioning: Conditioning
  readonly #weights: PairWeights
  readonly #sums: number
  /** f32 a position: 1 for the rows that the machine is fitted on. */
  readonly #members: number
  readonly #peak: number
  readonly #mark: number
  /** Where each row of X stands in the matrix. */
  readonly #positions: Int32Array
  #kernel = ''
  #task: Task | undefined
  #duals: Dual[] = []
  #intercept = new Float64Array(0)

  constructor(
    engine: Engine,
    gram: GramMatrix,
    search: Search,
    groups: Int32Array[],
    conditioning: Conditioning,
  ) {
    this.#engine = engine
    this.#gram = gram
    this.#search = search
    this.#groups = groups
    this.#conditioning = conditioning
    this.#weights = new PairWeights(engine, gram.runs)
    this.#sums = engine.allocate(STRETCH * this.#weights.length * 8)
    this.#members = engine.allocate(gram.positions * 4)
    this.#peak = engine.allocate(4)
    this.#mark = engine.mark()
    this.#positions = new Int32Array(search.X.rows)
    for (const [c, group] of groups.entries()) {
      for (const [k, row] of group.entries()) this.#positions[row] = gram.runs[c].start + k
    }
  }

  /** Fits. */
  async run(task: Task, pace: Pace): Promise<void> {
    const key = keyOf(task.kernel)
    if (key !== this.#kernel) {
      await this.#gram.setKernel(rescaled(task.kernel, this.#conditioning.scale), pace)
      this.#kernel = key
      this.#task = undefined
    }
    const seeds = this.#seeds(task)
    const members = this.#markMembers(task)
    const bounds = this.#bounds(task, members)
    const { pairs } = this.#weights
    this.#weights.clear()
    this.#intercept = new Float64Array(pairs.length)
    const duals: Dual[] = []
    this.#engine.release(this.#mark)
    const solver = new Solver(this.#engine, this.#gram.runs, task.kernel.kind, {
      tolerance: task.parameters.tol,
      maxIterations: task.parameters.maxIter,
      pace,
      prepare: (problem, first, second, pair) => {
        for (const [run, at, sign] of [
          [first, 0, 1],
          [second, first.size, -1],
        ] as const) {
          const { gradient, lower, upper } = problem
          for (let k = 0; k < run.count; k++) {
            gradient[at + k] = -sign
            ;(sign === 1 ? upper : lower)[at + k] = sign * bounds[run.start + k]
          }
        }
        const seed = seeds[pair]
        if (seed) plant(problem, seed, first.size, task.parameters.C / this.#task!.parameters.C)
      },
      collect: (problem, first, _second, pair, outcome) => {
        duals[pair] = this.#collect(problem, first.size, pair, outcome)
      },
    })
    for (const [pair, [i, j]] of pairs.entries()) {
      // A fold may leave out a class: its votes go to the others.
      if (this.#present(i, members) && this.#present(j, members)) {
        await solver.solve(this.#gram, i, j, pair)
      } else if (!this.#present(i, members)) this.#intercept[pair] = -1
      else this.#intercept[pair] = 1
    }
    this.#duals = duals
    this.#task = task
  }

  /** The duals to start from: of the same fold and kernel, with a smaller C and nothing else different. */
  #seeds(task: Task): (Dual | undefined)[] {
    const last = this.#task
    if (!last || last.fold !== task.fold) return []
    const weight = ({ parameters }: Task) => JSON.stringify(parameters.classWeight ?? null)
    if (weight(last) !== weight(task)) return []
    const sizes = this.#weights.pairs.map(([i, j]) => this.#groups[i].length + this.#groups[j].length)
    return this.#duals.map((dual, pair) => (dual.iterations > sizes[pair] ? dual : undefined))
  }

  #markMembers({ fold }: Task): Float32Array {
    const members = this.#engine.float32(this.#members, this.#gram.positions).fill(0)
    for (const row of this.#search.folds[fold].train) members[this.#positions[row]] = 1
    return members.slice()
  }

  #present(c: number, members: Float32Array): boolean {
    const { start, count } = this.#gram.runs[c]
    return members.subarray(start, start + count).includes(1)
  }

  /** Upper bounds of the dual variables by position; 0 for rows that the fold leaves out. */
  #bounds({ parameters, kernel }: Task, members: Float32Array): Float64Array {
    const { runs, positions } = this.#gram
    const counts = runs.map(({ start, count }) => {
      let present = 0
      for (let k = start; k < start + count; k++) present += members[k]
      return present
    })
    const { classes } = this.#search.labels
    checkClasses(
      classes.filter((_, c) => counts[c] > 0),
      'y of a fold',
    )
    const weights = classWeights(parameters.classWeight, classes, counts)
    const { scale } = this.#conditioning
    const unit = kernel.kind === 'linear' ? scale * scale : 1
    const bounds = new Float64Array(positions)
    for (const [c, { start, count }] of runs.entries()) {
      for (let k = start; k < start + count; k++) bounds[k] = (members[k] * parameters.C * weights[c]) / unit
    }
    return bounds
  }

  #collect(problem: DualProblem, split: number, pair: number, { rho, iterations }: Outcome): Dual {
    const [i, j] = this.#weights.pairs[pair]
    const beta = problem.beta.slice()
    this.#weights.setColumn(i, j - 1, this.#groups[i].length, (row) => beta[row])
    this.#weights.setColumn(j, i, this.#groups[j].length, (row) => beta[split + row])
    this.#intercept[pair] = -rho
    return { beta, gradient: problem.gradient.slice(), iterations }
  }

  /** The class numbers of the rows that the fold left out. */
  predict({ fold, kernel }: Task): Int32Array {
    const { test } = this.#search.folds[fold]
    const { pairs, length } = this.#weights
    const decisions = new Float64Array(test.length * pairs.length)
    const far = this.#mayBeFar(kernel)
    for (const { start, rows } of this.#ranges(test)) {
      this.#sum(start, rows.length)
      for (const [n, place] of rows.entries()) {
        if (far && this.#isFar(start + n)) this.#sumFar(start + n, this.#sums + n * length * 8, kernel.gamma)
        const sums = this.#engine.float64(this.#sums + n * length * 8, length)
        const out = decisions.subarray(place * pairs.length, (place + 1) * pairs.length)
        this.#weights.decide(sums, this.#intercept, out)
      }
    }
    return vote(decisions, this.#groups.length)
  }

  /** The rows as stretches of neighbours in the matrix, with their places in `test`: sums are made by fours. */
  #ranges(test: Int32Array): { start: number; rows: number[] }[] {
    const places = [...test.keys()].sort((a, b) => this.#positions[test[a]] - this.#positions[test[b]])
    const ranges: { start: number; rows: number[] }[] = []
    for (const place of places) {
      const position = this.#positions[test[place]]
      const last = ranges.at(-1)
      if (last && last.rows.length < STRETCH && position === last.start + last.rows.length) {
        last.rows.push(place)
      } else {
        ranges.push({ start: position, rows: [place] })
      }
    }
    return ranges
  }

  #sum(position: number, rows: number): void {
    const { columns, length } = this.#weights
    const { stride, runs } = this.#gram
    this.#engine.float64(this.#sums, rows * length).fill(0)
    for (const [c, run] of runs.entries()) {
      this.#engine.exports.weightedSums(
        ...([this.#gram.valuesOf(position) + run.start * 4, stride, rows, run.size] as const),
        ...([this.#weights.address(c), columns, this.#sums + c * columns * 8, length * 8] as const),
      )
    }
  }

  /** Whether any row can be: |x - s|^2 is at most 2 |x|^2 + 2 |s|^2. */
  #mayBeFar({ kind, gamma }: Kernel): boolean {
    if (kind !== 'rbf') return false
    const { scale } = this.#conditioning
    let largest = 0
    for (const norm of this.#engine.float32(this.#gram.norms, this.#gram.positions)) {
      if (norm > largest) largest = norm
    }
    return (gamma / scale / scale) * 4 * largest > FAR
  }

  #isFar(position: number): boolean {
    const { positions } = this.#gram
    const row = this.#gram.valuesOf(position)
    this.#engine.exports.rowPeaks(row, 0, 1, positions, this.#members, this.#peak)
    return this.#engine.float32(this.#peak, 1)[0] < FAR_VALUE
  }

  #sumFar(position: number, sums: number, gamma: number): void {
    const { columns, length } = this.#weights
    const { scale } = this.#conditioning
    const norm = this.#engine.float32(this.#gram.norms, this.#gram.positions)[position]
    this.#engine.float64(sums, length).fill(0)
    for (const [c, run] of this.#gram.runs.entries()) {
      const at = run.start * 4
      this.#engine.exports.farSums(
        ...([this.#gram.dotsOf(position) + at, norm, this.#gram.norms + at, this.#members + at] as const),
        ...([run.size, gamma / scale / scale, this.#weights.address(c), columns] as const),
        sums + c * columns * 8,
      )
    }
  }
}

/**
 * Starts from the duals of a smaller C, made t times as large: of all t that the new bounds allow the one with
 * the least objective.
 */
function plant(problem: DualProblem, { beta, gradient }: Dual, split: number, growth: number): void {
  let linear = 0
  let quadratic = 0
  for (let k = 0; k < beta.length; k++) {
    // p = -y, so Kb = F + y.
    linear += Math.abs(beta[k])
    quadratic += beta[k] * (gradient[k] + (k < split ? 1 : -1))
  }
  const t = quadratic > 0 ? Math.max(1, Math.min(growth, linear / quadratic)) : growth
  const target = problem.beta
  const { gradient: F, lower, upper } = problem
  for (let k = 0; k < beta.length; k++) {
    const y = k < split ? 1 : -1
    target[k] = Math.min(Math.max(beta[k] * t, lower[k]), upper[k])
    F[k] = t * (gradient[k] + y) - y
  }
}
