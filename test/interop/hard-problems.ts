import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SoftmarginError } from '../../src/core/errors.ts'
import { Matrix } from '../../src/core/matrix.ts'
import { OneClassSVM, SVC, SVR, type SvcOptions } from '../../src/svm.ts'
import { isIndefinite } from '../support/indefinite.ts'
import { kernelMatrix } from '../support/kernel-matrix.ts'

/** A problem as written by hard_problems.py; arrays are [first number, length] in `numbers.f64`. */
interface Written {
  number: number
  estimator: 'SVC' | 'SVR' | 'OneClassSVM'
  kind: string
  options: SvcOptions & { C?: number; nu?: number; epsilon?: number; tol: number }
  rows: number
  cols: number
  x: [number, number]
  y: [number, number]
  unseen: [number, number]
  weights: [number, number] | null
  /** Whether the problem was made unsolvable on purpose; `kind` says how. */
  spoilt: boolean
  /** The message of scikit-learn's error, if it threw one. */
  refused?: string
  /** Whether scikit-learn ended within a million iterations. */
  finished: boolean
  labels: [number, number]
  /** Decision values of the test rows at `tol`, and at a hundredth of it. */
  usual: [number, number]
  tight: [number, number]
  support: [number, number]
  dualCoef: [number, number]
  nSupport: number[]
}

/** The outcome of a problem. */
export interface Outcome {
  number: number
  name: string
  estimator: string
  kernel: string
  kind: string
  /** Whether it is unsolvable. */
  spoilt: boolean
  /** Whether scikit-learn solved it, so that results can be compared. */
  compared: boolean
  /** Whether there was a warning about rounding errors. */
  warned: boolean
  /** Our objective with kernel values in float64; NaN if we threw an error. */
  objective: number
  /** The code of our error, or `fitStatus`. */
  status: string
  /** Number of test rows with another label, among those where scikit-learn's margin is above its own tolerance. */
  differing: number
  judged: number
  /** Whether scikit-learn's solution is one with kernel values in float64; otherwise only objectives are compared. */
  isSolved: boolean
  /**
   * Whether the kernel is indefinite and our objective is better by more than `MOST_EXCESS`. Such a problem has many
   * optima, and which one a search reaches depends on its path, and therefore on rounding. The labels of another,
   * better optimum may differ, so only objectives are compared. If the objectives are similar, labels are compared as
   * well.
   */
  isOther: boolean
  /** By how much our objective is worse, relative to scikit-learn's; negative if it is better. */
  excess: number
}

/** Maximum relative excess of our objective. */
export const MOST_EXCESS = 1e-3

/** Draws the problems and solves them with scikit-learn and with softmargin. */
export async function hardProblems(script: string, seed: number, count: number): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  try {
    execFileSync('/usr/bin/python3', [script, folder, String(seed), String(count)], { stdio: 'pipe' })
    return await solveAll(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Solves the problems in a folder. */
export async function solveAll(folder: string, only?: number): Promise<Outcome[]> {
  const bytes = readFileSync(join(folder, 'numbers.f64'))
  const numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  const problems: Written[] = JSON.parse(readFileSync(join(folder, 'problems.json'), 'utf8'))
  const outcomes: Outcome[] = []
  for (const problem of problems) {
    if (only !== undefined && problem.number !== only) continue
    outcomes.push(await solve(problem, ([from, length]) => numbers.subarray(from, from + length)))
  }
  return outcomes
}

async function solve(problem: Written, read: (array: [number, number]) => Float64Array): Promise<Outcome> {
  const { number, estimator, kind, options, rows, cols } = problem
  const X = new Matrix(Float32Array.from(read(problem.x)), rows, cols)
  const unseen = read(problem.unseen)
  const test = new Matrix(Float32Array.from(unseen), unseen.length / cols, cols)
  const y = read(problem.y)
  const compared = problem.refused === undefined
  const outcome: Outcome = {
    ...{
      number,
      estimator,
      kernel: options.kernel!,
      kind,
      spoilt: problem.spoilt,
      compared,
      warned: false,
      objective: Number.NaN,
      differing: 0,
      judged: 0,
      isSolved: true,
      isOther: false,
      excess: 0,
    },
    name: `${number}: ${estimator} ${JSON.stringify(options)}, ${kind}, ${rows} x ${cols}`,
    status: '',
  }
  const o = {
    sampleWeight: problem.weights ? read(problem.weights) : undefined,
    onWarning: (message: string) => {
      if (message.includes("fitStatus is 'imprecise'")) outcome.warned = true
    },
  }
  try {
    const { state, decisions } = await ours(estimator, options, X, y, test, o)
    outcome.status = state.fitStatus
    const { values: K } = kernelMatrix(X, X, state.kernel)
    const target = {
      K,
      y,
      estimator,
      epsilon: options.epsilon ?? 0,
      bounds: boundsOf(options, y, o.sampleWeight),
    }
    const own = solutionOf(state, target)
    outcome.objective = own.objective
    if (!compared) return outcome
    const theirs = {
      nSupport: problem.nSupport,
      support: read(problem.support),
      dualCoef: read(problem.dualCoef),
    }
    const best = solutionOf(theirs, target)
    // A solution at `tol` may be off by tol times the sum of |b|.
    const size = Math.max(Math.abs(best.objective), (options.tol / MOST_EXCESS) * best.size)
    outcome.excess = (own.objective - best.objective) / size
    // LIBSVM's kernel values are float32 too. If that affects its solution, its labels are no reference.
    outcome.isSolved = problem.finished && best.gap <= 2 * options.tol
    outcome.isOther = outcome.excess < -MOST_EXCESS && isIndefinite(K)
    if (!outcome.isSolved || outcome.isOther) return outcome
    const [usual, tight] = [read(problem.usual), read(problem.tight)]
    const width = tight.length / test.rows
    const range = estimator === 'SVR' ? Math.max(...y) - Math.min(...y) : 0
    for (let row = 0; row < test.rows; row++) {
      const pairs = Array.from({ length: width }, (_, p) => row * width + p)
      const bar = (at: number) => options.tol + best.gap + 2 * Math.abs(usual[at] - tight[at])
      if (estimator === 'SVR') {
        outcome.judged++
        if (Math.abs(decisions[row] - tight[row]) > bar(row) + 0.01 * range) outcome.differing++
      } else if (pairs.every((at) => Math.abs(tight[at]) > bar(at))) {
        outcome.judged++
        if (pairs.some((at) => decisions[at] > 0 !== tight[at] > 0)) outcome.differing++
      }
    }
  } catch (error) {
    if (!(error instanceof SoftmarginError) || error.code === 'INTERNAL') throw error
    outcome.status = error.code
  }
  return outcome
}

/** Our model and its decision values, with the signs of scikit-learn's. */
async function ours(
  estimator: Written['estimator'],
  options: Written['options'],
  X: Matrix,
  y: Float64Array,
  test: Matrix,
  o: object,
) {
  if (estimator === 'SVC') {
    using svc = await new SVC(options).fit(X, y, o)
    const { data } = await svc.decisionFunction(test, { shape: 'ovo' })
    return { state: svc.toState(), decisions: data }
  }
  if (estimator === 'SVR') {
    using svr = await new SVR(options as object).fit(X, y, o)
    return { state: svr.toState(), decisions: await svr.predict(test) }
  }
  using svm = await new OneClassSVM(options as object).fit(X, o)
  return { state: svm.toState(), decisions: (await svm.decisionFunction(test)).data }
}

/** The upper bound of each row's dual variable. */
function boundsOf(options: Written['options'], y: Float64Array, weights: Float64Array | undefined): number[] {
  const { C = 1, classWeight, nu } = options
  const counts = new Map<number, number>()
  for (const label of y) counts.set(label, (counts.get(label) ?? 0) + 1)
  return Array.from(y, (label, row) => {
    const own =
      classWeight === 'balanced' ? y.length / (counts.size * counts.get(label)!) : (classWeight?.[label] ?? 1)
    return (nu === undefined ? C * own : 1) * (weights?.[row] ?? 1)
  })
}

/** A dual problem, with all kernel values in float64. */
export interface Target {
  K: Float64Array[]
  y: Float64Array
  estimator: Written['estimator']
  epsilon: number
  bounds: number[]
}

/**
 * Objective, violation of the optimality conditions and sum of |b| in float64: the sum, or the worst, over all pairs.
 */
export function solutionOf(
  machine: Record<'nSupport' | 'support' | 'dualCoef', ArrayLike<number>>,
  { K, y, estimator, epsilon, bounds }: Target,
): { objective: number; gap: number; size: number } {
  // A function of one row alone does not matter if b sums to 0, except for rounding.
  const centred = estimator !== 'OneClassSVM'
  const value = (a: number, b: number) => (centred ? K[a][b] - K[a][0] - K[0][b] + K[0][0] : K[a][b])
  const total = { objective: 0, gap: 0, size: 0 }
  for (const { rows, b } of expansionsOf(machine, y, estimator)) {
    const used = rows.filter((row) => b[row] !== 0)
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const row of rows) {
      const bound = bounds[row]
      let F = 0
      for (const other of used) F += b[other] * value(row, other)
      const size = Math.abs(b[row])
      total.size += size
      total.objective += (b[row] * F) / 2 - (estimator === 'SVC' ? size : 0)
      if (estimator === 'SVR') total.objective += epsilon * size - y[row] * b[row]
      // The bounds of b for the row, and the slopes on either side of it.
      let [lower, upper, left, right] = [0, bound, F, F]
      if (estimator === 'SVC') {
        const isFirst = y[row] === y[rows[0]]
        left = right = F - (isFirst ? 1 : -1)
        if (!isFirst) [lower, upper] = [-bound, 0]
      } else if (estimator === 'SVR') {
        lower = -bound
        left = F - y[row] + (b[row] > 0 ? epsilon : -epsilon)
        right = F - y[row] + (b[row] >= 0 ? epsilon : -epsilon)
      }
      const edge = 1e-9 * bound
      if (b[row] < upper - edge) least = Math.min(least, right)
      if (b[row] > lower + edge) most = Math.max(most, left)
    }
    total.gap = Math.max(total.gap, most - least)
  }
  return total
}

/**
 * For each pair of classes its rows, those of the first class first, and b by row; b is positive in the first class.
 */
function expansionsOf(
  { nSupport, support, dualCoef }: Record<'nSupport' | 'support' | 'dualCoef', ArrayLike<number>>,
  y: Float64Array,
  estimator: Written['estimator'],
): { rows: number[]; b: Float64Array }[] {
  const all = [...y.keys()]
  const whole = new Float64Array(y.length)
  if (estimator !== 'SVC') {
    for (let s = 0; s < support.length; s++) whole[support[s]] = dualCoef[s]
    return [{ rows: all, b: whole }]
  }
  const expansions: { rows: number[]; b: Float64Array }[] = []
  const classes = nSupport.length
  const classOf = Array.from({ length: classes }, (_, c) => Array<number>(nSupport[c]).fill(c)).flat()
  for (let i = 0; i < classes; i++) {
    for (let j = i + 1; j < classes; j++) {
      const b = new Float64Array(y.length)
      for (const [s, c] of classOf.entries()) {
        if (c !== i && c !== j) continue
        // For two classes the sign may be scikit-learn's or ours.
        const size = Math.abs(dualCoef[(c === i ? j - 1 : i) * support.length + s])
        b[support[s]] = c === i ? size : -size
      }
      expansions.push({ rows: [i, j].flatMap((c) => all.filter((row) => y[row] === c)), b })
    }
  }
  return expansions
}

const isRefusal = ({ status }: Outcome) => /^[A-Z]/.test(status)

/**
 * Whether the outcome of a problem is acceptable: as scikit-learn's; an error, if scikit-learn throws one too or values
 * exceed float32; or `'imprecise'` with a warning and a finite objective.
 */
export function isSound(outcome: Outcome): boolean {
  const { status, differing, excess, compared, spoilt, warned, objective } = outcome
  if (spoilt) return !compared && isRefusal(outcome)
  if (isRefusal(outcome)) return !compared || status === 'INVALID_ARGUMENT'
  if (!Number.isFinite(objective)) return false
  // A worse status takes precedence over 'imprecise', but the warning remains.
  if (status === 'imprecise' ? !warned : warned && status !== 'maxIter') return false
  if (!compared || status === 'imprecise') return true
  return differing === 0 && !(excess > MOST_EXCESS) && !Number.isNaN(excess)
}

/**
 * A line for each estimator and kernel, and for each kind of rows. `no worse` counts problems in which only objectives
 * are compared: scikit-learn did not solve them, because LIBSVM's kernel values are float32 too, or gave up, or we
 * found a better one of many optima (`isOther`).
 */
export function outcomeTable(outcomes: Outcome[]): string {
  const groups = new Map<string, Outcome[]>()
  const add = (name: string, outcome: Outcome) => groups.set(name, [...(groups.get(name) ?? []), outcome])
  for (const outcome of outcomes) add(`${outcome.estimator} ${outcome.kernel}`, outcome)
  for (const outcome of outcomes) add(outcome.kind, outcome)
  for (const outcome of outcomes) add('all', outcome)
  const cells = [...groups].map(([name, own]) => {
    const unsound = own.filter((each) => !isSound(each))
    const refused = own.filter((each) => isRefusal(each) && isSound(each))
    const imprecise = own.filter((each) => each.status === 'imprecise' && isSound(each))
    const judged = own.filter((each) => !isRefusal(each) && each.status !== 'imprecise')
    const worst = Math.max(...judged.map(({ excess }) => excess))
    return [
      name,
      own.length,
      judged.filter((each) => isSound(each) && each.isSolved && !each.isOther).length,
      judged.filter((each) => isSound(each) && (!each.isSolved || each.isOther)).length,
      unsound.length,
      imprecise.length,
      [...new Set(refused.map(({ status }) => status))].map(
        (code) => `${refused.filter(({ status }) => status === code).length} ${code}`,
      ),
      judged.length > 0 ? worst.toExponential(1) : '-',
    ].map(String)
  })
  const head = ['problems', 'count', 'agree', 'no worse', 'differ', 'imprecise', 'refused', 'worst objective']
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i].length)))
  const line = (row: string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...cells.map(line)].join(
    '\n',
  )
}
