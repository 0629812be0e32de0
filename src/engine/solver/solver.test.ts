import { expect, test } from 'vitest'
import { packRows } from '../../../test/support/pack-rows.ts'
import { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import type { DualProblem } from '../dual/dual-problem.ts'
import { fillSvcProblem } from '../dual/svc-problem.ts'
import { fillDiagonalBlock } from '../kernel/blocks.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { PackedRows } from '../kernel/packed-rows.ts'
import { positionsIn } from '../kernel/runs.ts'
import { BlockRows } from '../rows/block-rows.ts'
import { OffDiagonalRows } from '../rows/off-diagonal-rows.ts'
import { RowCache } from '../rows/row-cache.ts'
import { Engine } from '../wasm/engine.ts'
import { TimeSlice } from '../wasm/time-slice.ts'
import { Solver } from './solver.ts'

const sizes = [803, 600]
const groups = sizes.map((size, c) => Array.from({ length: size }, (_, i) => i * 2 + c))

/** Two overlapping classes. */
function classes(): Matrix {
  const random = new Random(11)
  const rows = 2 * Math.max(...sizes)
  const data = Float32Array.from({ length: rows * 8 }, (_, at) => {
    return random.below(20_001) / 10_000 - 1 + (at % 8 === 0 && at % 16 === 0 ? 0.7 : 0)
  })
  return new Matrix(data, rows, 8)
}

/** The kernel row of the point at a position, computed from scratch. */
function rowAt(engine: Engine, source: PackedRows, position: number): Float32Array {
  const columns = positionsIn(source.runs)
  const mark = engine.mark()
  const out = engine.allocate(columns * 4)
  source.gather([position])
  source.computeBlock(1, 0, columns, out, columns * 4)
  const row = engine.float32(out, columns).slice()
  engine.release(mark)
  return row
}

/** Copies of a problem's arrays, which stay valid when the memory grows. */
function copyOf({ beta, gradient, lower, upper }: DualProblem) {
  return {
    beta: beta.slice(),
    gradient: gradient.slice(),
    lower: lower.slice(),
    upper: upper.slice(),
  }
}

const kernels: Kernel[] = [
  { kind: 'rbf', gamma: 0.2, coef0: 0, degree: 3 },
  { kind: 'linear', gamma: 1, coef0: 0, degree: 3 },
]
const cases = kernels.flatMap((kernel) =>
  [1, 1e4].flatMap((C) =>
    (['blocks', 'off-diagonal rows', 'rows', 'few rows'] as const).map((from) => ({
      kernel,
      kind: kernel.kind,
      C,
      from,
    })),
  ),
)

test.each(cases)(
  '$kind, C = $C, $from: the gradient is exact at the end and after an early stop',
  async (o) => {
    const engine = await Engine.open('strict')
    const timeSlice = new TimeSlice()
    const plain = { centre: undefined, scale: 1 }
    const source = await packRows(engine, classes(), groups, o.kernel, plain, timeSlice)
    const solver = new Solver(engine, source.runs, o.kind)
    const diagonalBlocks = BlockRows.placeDiagonal(engine, source.runs)
    const blocks = new BlockRows(engine, source, diagonalBlocks)
    for (const [n, run] of source.runs.entries())
      await fillDiagonalBlock(engine, source, run, diagonalBlocks[n], timeSlice)
    const rows = {
      blocks: () => blocks,
      'off-diagonal rows': () => new OffDiagonalRows(engine, source, diagonalBlocks),
      rows: () => new RowCache(engine, source, RowCache.mostBytes(source.runs)),
      // The cache is so small that rows are evicted.
      'few rows': () => new RowCache(engine, source, 0),
    }[o.from]()
    for (const maxIterations of [40, 2500, 20_000]) {
      const problem = await solver.attach(rows, 0, 1, 1e-3, timeSlice)
      const [first, second] = source.runs
      const [ofFirst, ofSecond] = source.runs.map(({ count }) => new Float64Array(count).fill(o.C))
      fillSvcProblem(problem, ofFirst, ofSecond)
      const { status, iterations } = (await solver.run({ maxIterations, timeSlice }))!
      expect(iterations).toBeLessThanOrEqual(maxIterations)
      // Copies: computing rows below may grow the memory.
      const { beta, gradient, lower, upper } = copyOf(problem)
      const exact = Float64Array.from(beta, (_, k) => (k < first.size ? -1 : 1))
      let all = 0
      for (const [k, b] of beta.entries()) {
        if (b === 0) continue
        all += Math.abs(b)
        // The runs are consecutive here, as in the problem.
        for (const [n, value] of rowAt(engine, source, k).entries()) exact[n] += b * value
      }
      let least = Number.POSITIVE_INFINITY
      let largest = Number.NEGATIVE_INFINITY
      for (const k of beta.keys()) {
        const exists = k < first.size ? k < first.count : k < first.size + second.count
        if (!exists) continue
        expect(Math.abs(gradient[k] - exact[k])).toBeLessThan(1e-12 * (1 + all))
        if (beta[k] < upper[k]) least = Math.min(least, exact[k])
        if (beta[k] > lower[k]) largest = Math.max(largest, exact[k])
      }
      if (status === 'converged') expect(largest - least).toBeLessThan(1.001e-3)
      else expect(status).toBe('maxIter')
    }
  },
)
