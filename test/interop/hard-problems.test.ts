import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { hasPythonModule } from '../support/programs.ts'
import { hardProblems, isSound, outcomeTable } from './hard-problems.ts'

/** `npm run fuzz -- --problems 500` solves more problems. */
const COUNT = 84

describe.runIf(hasPythonModule('sklearn'))('hard problems compared with scikit-learn', () => {
  it(`${COUNT} problems: same labels, no worse objective, an error code for every refusal`, {
    timeout: 300_000,
  }, async () => {
    const script = fileURLToPath(new URL('hard_problems.py', import.meta.url))
    const outcomes = await hardProblems(script, 7, COUNT)
    console.log(outcomeTable(outcomes))
    expect(outcomes).toHaveLength(COUNT)
    expect(outcomes.filter((outcome) => !isSound(outcome))).toEqual([])
    // Most problems must be comparable, or the test would prove nothing.
    expect(outcomes.filter(({ judged }) => judged > 0).length).toBeGreaterThan(COUNT / 2)
    expect(outcomes.filter(({ status }) => status === 'imprecise').length).toBeLessThan(COUNT / 10)
  })
})
