import { expect, test } from 'vitest'
import { fuzzSolver } from './solver.ts'

test('small random fits of every kind end with a status or a SoftmarginError', async () => {
  const runs = 3000
  const report = await fuzzSolver({ runs, seed: 20 })
  expect(report.runs).toBe(runs)
  // Every outcome must occur; otherwise the problems might all be easy.
  for (const way of ['converged', 'maxIter', 'stalled', 'searched', 'INVALID_ARGUMENT']) {
    expect(report.counts[way], way).toBeGreaterThan(0)
  }
}, 180_000)
