import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SoftmarginError } from '../../src/core/errors.ts'
import { Matrix } from '../../src/core/matrix.ts'
import { OneClassSVM, SVC, SVR, type SvcOptions } from '../../src/svm.ts'
import { isIndefinite } from '../support/indefinite.ts'
import { kernelMatrix } from '../support/kernel-matrix.ts'

/** A problem as hard_problems.py writes it; arrays are [first number, length] in `numbers.f64`. */
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
  /** Whether the problem was made one that nobody can solve: `kind` says how. */
  spoilt: boolean
  /** What scikit-learn's error says, if it has one. */
  refused?: string
  /** Whether scikit-learn came to an end within a million iterations. */
  finished: boolean
  labels: [number, number]
  /** Decision values of the unseen rows at `tol`, and at a hundredth of it. */
  usual: [number, number]
  tight: [number, number]
  support: [number, number]
  dualCoef: [number, number]
  nSupport: number[]
}

/** What came of a problem. */
export interface Outcome {
  number: number
  name: string
  estimator: string
  kernel: string
  kind: string
  /** Whether nobody can solve it. */
  spoilt: boolean
  /** Whether scikit-learn solved it, so that there is something to compare with. */
  compared: boolean
  /** Whether a warning said that rounding spoils the fit. */
  warned: boolean
  /** Our objective with kernel values in float64; NaN where we refused. */
  objective: number
  /** The code of our refusal, or `fitStatus`. */
  status: string
  /** Unseen rows whose answer differs, of those where scikit-learn's margin is above its own tolerance. */
  differing: number
  judged: number
  /** Whether scikit-learn's own solution is one, with kernel values in float64: else only objectives are compared. */
  isSolved: boolean
  /**
   * Whether the kernel is indefinite and our objective better by more than `MOST_EXCESS`. Such a problem has many optima,
   * and which of them a search ends in depends on its path, which rounding changes: the labels of another, better one say
   * nothing against it, so that only objectives are compared. Where objectives are alike, labels are compared all the same.
   */
  isOther: boolean
  /** By how much our objective is worse, as a share of theirs; negative if it is better. */
  excess: number
}

/** An objective may be worse by this share. */
export const MOST_EXCESS = 1e-3

/** Draws the problems, has scikit-learn solve them and then softmargin. */
export async function hardProblems(script: string, seed: number, count: number): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  try {
    execFileSync('/usr/bin/python3', [script, folder, String(seed), String(count)], { stdio: 'pipe' })
    return await solveAll(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Solves the problems that stand in a folder. */
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
    // A solution at `tol` may be off by tol times the sum of b.
    const size = Math.max(Math.abs(best.objective), (options.tol / MOST_EXCESS) * best.size)
    outcome.excess = (own.objective - best.objective) / size
    // LIBSVM's kernel values are float32 as well: where that shows in its solution, its labels tell nothing.
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

/** Our machine, and its decision values: with the signs of scikit-learn's. */
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

/** Objective, violation of the optimality conditions and sum of |b| in float64: of all pairs, the sums and the worst. */
export function solutionOf(
  machine: Record<'nSupport' | 'support' | 'dualCoef', ArrayLike<number>>,
  { K, y, estimator, epsilon, bounds }: Target,
): { objective: number; gap: number; size: number } {
  // A function of either row makes no difference where b sums to 0, but for rounding.
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
      // What b of the row may be, and the slopes on either side of it.
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

/** For each pair of classes its rows, those of the first class first, and b by row; the first class has b above 0. */
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
        // The sign of two classes is scikit-learn's or ours.
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
 * Whether a problem came out as it should: as scikit-learn has it; refused, where scikit-learn refuses it too or its
 * numbers leave float32; or called imprecise, with a warning, and with an objective that is a number.
 */
export function isSound(outcome: Outcome): boolean {
  const { status, differing, excess, compared, spoilt, warned, objective } = outcome
  if (spoilt) return !compared && isRefusal(outcome)
  if (isRefusal(outcome)) return !compared || status === 'INVALID_ARGUMENT'
  if (!Number.isFinite(objective)) return false
  // A status that is worse still hides this one, but not the warning.
  if (status === 'imprecise' ? !warned : warned && status !== 'maxIter') return false
  if (!compared || status === 'imprecise') return true
  return differing === 0 && !(excess > MOST_EXCESS) && !Number.isNaN(excess)
}

/**
 * A line for each estimator and kernel, and for each kind of rows. `no worse` are those that scikit-learn did not solve
 * itself, since LIBSVM's kernel values are float32 too, or which it gave up, or of whose many optima ours is a better one
 * (`isOther`): there only objectives are compared.
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
