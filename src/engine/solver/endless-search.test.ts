import { expect, test } from 'vitest'
import { Matrix } from '../../core/matrix.ts'
import { fillSvcProblem } from '../dual/svc-problem.ts'
import type { KernelMatrix } from '../kernel/kernel-matrix.ts'
import { PrecomputedRows } from '../kernel/precomputed-kernel.ts'
import { BlockRows } from '../rows/block-rows.ts'
import { RowCache } from '../rows/row-cache.ts'
import { Engine } from '../wasm/engine.ts'
import { TimeSlice } from '../wasm/time-slice.ts'
import { Solver } from './solver.ts'

/**
 * Packed rows whose kernel values are replaced by K(x, z) rounded to float32: the engine's own kernels may be more
 * accurate.
 */
function sourceOf(engine: Engine, xs: number[], labels: number[], kernel: (x: number, z: number) => number) {
  const values = Float32Array.from(xs.flatMap((x) => xs.map((z) => kernel(x, z))))
  const groups = [0, 1].map((label) => [...xs.keys()].filter((row) => labels[row] === label))
  const precomputed = new PrecomputedRows(engine, new Matrix(values, xs.length, xs.length), groups, 1)
  const source: KernelMatrix = {
    kind: 'poly',
    runs: precomputed.runs,
    diagonal: precomputed.diagonal,
    gather: (positions) => precomputed.gather(positions),
    columnsPerCall: (rows) => precomputed.columnsPerCall(rows),
    computeBlock: (...where) => precomputed.computeBlock(...where),
  }
  return source
}

/** Solves the problem of two classes and returns its status and iterations. */
async function solve(
  [xs, labels]: [number[], number[]],
  kernel: (x: number, z: number) => number,
  { C, maxIterations = -1, rows = 'rows' }: { C: number; maxIterations?: number; rows?: 'rows' | 'blocks' },
) {
  const engine = await Engine.open('strict')
  const source = sourceOf(engine, xs, labels, kernel)
  const solver = new Solver(engine, source.runs, source.kind)
  const from = rows === 'rows' ? new RowCache(engine, source, 0) : new BlockRows(engine, source)
  const timeSlice = new TimeSlice(AbortSignal.timeout(30_000))
  const problem = await solver.attach(from, 0, 1, 1e-3, timeSlice)
  const [ofFirst, ofSecond] = source.runs.map(({ count }) => new Float64Array(count).fill(C))
  fillSvcProblem(problem, ofFirst, ofSecond)
  const result = await solver.run({ maxIterations, timeSlice })
  engine.close()
  return result!
}

const far: [number[], number[]] = [
  [999.76, 1000.87, 1000.84, 1001.15, 1000.01, 999.54, 1001.17, 1000.03, 999.73, 1001.68],
  [0, 1, 1, 1, 1, 0, 1, 1, 1, 0],
]
const quartic = (x: number, z: number) => ((x * z) / 0.43 + 1) ** 4

test.each(['rows', 'blocks'] as const)(
  'a step that changes nothing, also just before a projected CG step: %s',
  async (rows) => {
    for (const maxIterations of [999, 1000, 1001, 1003, 20_000, -1]) {
      const { status, iterations } = await solve(far, quartic, { C: 100, maxIterations, rows })
      expect(['stalled', 'maxIter']).toContain(status)
      if (status === 'maxIter') expect(iterations).toBe(maxIterations)
      if (maxIterations > 0) expect(iterations).toBeLessThanOrEqual(maxIterations)
    }
  },
)

/** (10 x z)^4, every number rounded to float32. */
function rounded(x: number, z: number): number {
  const { fround } = Math
  const square = fround(fround(10 * fround(fround(x) * fround(z))) ** 2)
  return fround(square * square)
}

test('steps that change b but do not improve the objective', async () => {
  const close: [number[], number[]] = [
    [100.77, 100.43, 101.74, 101.44, 101.76, 101.02, 101.61],
    [0, 1, 1, 0, 1, 1, 0],
  ]
  const { status, iterations } = await solve(close, rounded, { C: 1e7 })
  expect(status).toBe('stalled')
  expect(iterations).toBeLessThan(1e6)
})

test.each([
  ['on the diagonal', (x: number, z: number) => (x === z && x === 3 ? Number.POSITIVE_INFINITY : x * z)],
  ['NaN', (x: number, z: number) => (x === z ? 10 : Number.NaN)],
  ['between two rows', (x: number, z: number) => (x === z ? 3e38 : -3e38 * 2)],
  ['between two rows, infinite', (x: number, z: number) => (x === z ? 1 : Number.POSITIVE_INFINITY)],
])('kernel values that are not finite: %s', async (_, kernel) => {
  const rows: [number[], number[]] = [
    [1, 2, 3, 4],
    [0, 1, 0, 1],
  ]
  await expect(solve(rows, kernel, { C: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})
