import { expect, test } from 'vitest'
import { packRows } from '../../../test/support/pack-rows.ts'
import { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import { fillSvcProblem } from '../dual/svc-problem.ts'
import { fillDiagonalBlock } from '../kernel/blocks.ts'
import type { Kernel, SvmKernel } from '../kernel/kernel.ts'
import { Solver } from '../solver/solver.ts'
import { Engine } from '../wasm/engine.ts'
import { TimeSlice } from '../wasm/time-slice.ts'
import { BlockRows } from './block-rows.ts'
import { OffDiagonalRows } from './off-diagonal-rows.ts'
import { RowCache } from './row-cache.ts'
import type { RowProvider } from './row-provider.ts'

const kernels: Kernel[] = [
  { kind: 'rbf', gamma: 0.1, coef0: 0, degree: 3 },
  { kind: 'linear', gamma: 1, coef0: 0, degree: 3 },
  { kind: 'poly', gamma: 0.1, coef0: 1, degree: 2 },
]
// One class ends inside a strip and a panel, the others fill the tiles.
const groups = [0, 1, 2].map((c) => Array.from({ length: [203, 333, 192][c] }, (_, i) => i * 3 + c))

function classes(): Matrix {
  const random = new Random(5)
  const data = Float32Array.from({ length: 999 * 12 }, (_, at) => {
    return random.below(20_001) / 10_000 - 1 + (at % 12 === Math.floor(at / 12) % 3 ? 1 : 0)
  })
  return new Matrix(data, 999, 12)
}

/** A pair's solution, and the share of its rows that were computed. */
interface Solution {
  objective: number
  beta: Float64Array
  rho: number
  share: number
}

/**
 * Solves some pairs, one of them twice, with rows from three providers.
 *
 * @param kind the kernel that the solver assumes: only for some kernels may it choose its path
 */
async function solveWith(
  kernel: Kernel,
  kind: SvmKernel['kind'],
): Promise<{ whole: Solution[]; cross: Solution[]; rows: Solution[] }> {
  const engine = await Engine.open('strict')
  const timeSlice = new TimeSlice()
  const source = await packRows(engine, classes(), groups, kernel, { centre: undefined, scale: 1 }, timeSlice)
  const solver = new Solver(engine, source.runs, kind)
  const diagonalBlocks = BlockRows.placeDiagonal(engine, source.runs)
  const blocks = new BlockRows(engine, source, diagonalBlocks)
  for (const [n, run] of source.runs.entries())
    await fillDiagonalBlock(engine, source, run, diagonalBlocks[n], timeSlice)
  const ones = (c: number) => new Float64Array(groups[c].length).fill(1)
  const solutions = async (rows: RowProvider) => {
    const found: Solution[] = []
    const pairs: [number, number][] = [
      [0, 1],
      [0, 2],
      [1, 2],
      [0, 1],
    ]
    for (const [i, j] of pairs) {
      const problem = await solver.attach(rows, i, j, 1e-3, timeSlice)
      fillSvcProblem(problem, ones(i), ones(j))
      const { rho, status } = (await solver.run({ maxIterations: -1, timeSlice }))!
      expect(status).toBe('converged')
      const { beta, gradient, split } = problem
      const objective = beta.reduce((sum, b, k) => sum + (b * (gradient[k] + (k < split ? -1 : 1))) / 2, 0)
      found.push({ objective, beta: beta.slice(), rho, share: rows.share })
    }
    return found
  }
  return {
    whole: await solutions(blocks),
    cross: await solutions(new OffDiagonalRows(engine, source, diagonalBlocks)),
    rows: await solutions(new RowCache(engine, source, 2 ** 20)),
  }
}

test.each(kernels)(
  '$kind: row cache, off-diagonal rows and whole blocks reach the same optimum',
  async (kernel) => {
    const { whole, cross, rows } = await solveWith(kernel, kernel.kind)
    for (const found of [whole, cross, rows]) {
      expect(found[3]).toEqual(found[0])
      for (const [n, { objective, rho }] of found.entries()) {
        expect(Math.abs(objective / whole[n].objective - 1)).toBeLessThan(1e-5)
        expect(Math.abs(rho - whole[n].rho)).toBeLessThan(2e-3)
      }
    }
  },
)

test.each(kernels)('$kind: prefers rows in memory on the way to the optimum', async (kernel) => {
  const actual = await solveWith(kernel, kernel.kind)
  // Nothing is known about a precomputed kernel, so the path must not depend on which rows are in memory.
  const precomputed = await solveWith(kernel, 'precomputed')
  for (const [n, { beta }] of precomputed.whole.entries()) {
    for (const from of ['cross', 'rows'] as const) {
      expect(precomputed[from][n].beta).toEqual(beta)
      expect(actual[from][n].share).toBeGreaterThan(0)
      expect(actual[from][n].share).toBeLessThan(0.9 * precomputed[from][n].share)
    }
  }
})
