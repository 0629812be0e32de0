import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { leaveOneOut } from '../../src/model-selection/leave-one-out.ts'
import { SVC, type SvcOptions } from '../../src/svm/svc.ts'
import { hasPythonModule } from '../support/programs.ts'

/** A problem as written by leave_one_out.py. */
interface Problem {
  number: number
  kind: string
  options: SvcOptions & { C: number }
  x: number[][]
  y: number[]
  /** What scikit-learn predicts for each row without it, and its decision values of each pair of classes. */
  labels: number[]
  decisions: (number[] | null)[]
  /** Whether scikit-learn ended within a million iterations. */
  finished: boolean
}

const COUNT = 36

function readProblems(seed: number): Problem[] {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  try {
    const script = fileURLToPath(new URL('leave_one_out.py', import.meta.url))
    execFileSync('/usr/bin/python3', [script, folder, String(seed), String(COUNT)], { stdio: 'pipe' })
    return JSON.parse(readFileSync(join(folder, 'problems.json'), 'utf8'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Decision values may differ by the tolerances of two solvers, and by float32 kernel values times coefficients up to C. */
function allowance({ options: { C } }: Problem): number {
  return 1e-3 + 1e-7 * C
}

describe.runIf(hasPythonModule('sklearn'))("compared with scikit-learn's LeaveOneOut", () => {
  it(`${COUNT} hard problems: the same decision values and labels, with fewer fits`, {
    timeout: 300_000,
  }, async () => {
    const problems = readProblems(3)
    const compared = problems.filter(({ finished }) => finished)
    let [refits, all, judged] = [0, 0, 0]
    const faults: string[] = []
    for (const problem of compared) {
      const { x, y, options } = problem
      const left = await leaveOneOut(new SVC(options), x, y, { shape: 'ovo', onWarning: () => {} })
      refits += left.refits
      all += left.problems
      const most = allowance(problem)
      for (const [row, theirs] of problem.decisions.entries()) {
        const name = `problem ${problem.number} (${problem.kind}, ${options.kernel}), row ${row}`
        const own = left.decisionValues.row(row)
        const least = Math.min(...(theirs ?? [...own]).map(Math.abs))
        const isSame = left.labels[row] === problem.labels[row]
        if (least > 2 * most && !isSame) faults.push(`${name}: another label`)
        for (const [pair, value] of (theirs ?? []).entries()) {
          const error = Math.abs(value - own[pair]) / Math.max(1, Math.abs(value))
          if (!(error <= most)) faults.push(`${name}: ${own[pair]}, not ${value}`)
        }
        if (least > 2 * most) judged++
      }
    }
    expect(faults).toEqual([])
    expect(compared.length).toBeGreaterThan(0.8 * COUNT)
    expect(judged).toBeGreaterThan(0.8 * compared.reduce((sum, { y }) => sum + y.length, 0))
    expect(refits).toBeLessThan(0.6 * all)
  })
})
