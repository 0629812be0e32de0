import { expect, test } from 'vitest'
import { Matrix } from '../matrix.ts'
import { Random } from '../svm/random.ts'
import { BlockRows } from './block-rows.ts'
import { CrossRows } from './cross-rows.ts'
import { Engine } from './engine.ts'
import type { Kernel } from './kernel.ts'
import type { KernelRows } from './kernel-rows.ts'
import { Pace } from './pace.ts'
import { packRows } from './packed-rows.ts'
import { RowCache } from './row-cache.ts'
import { Solver } from './train.ts'

const kernels: Kernel[] = [
  { kind: 'rbf', gamma: 0.1, coef0: 0, degree: 3 },
  { kind: 'linear', gamma: 1, coef0: 0, degree: 3 },
  { kind: 'poly', gamma: 0.1, coef0: 1, degree: 2 },
]
// A class that ends inside a strip and a panel, and one that the tiles fill.
const groups = [0, 1, 2].map((c) => Array.from({ length: [203, 333, 192][c] }, (_, i) => i * 3 + c))

function classes(): Matrix {
  const random = new Random(5)
  const data = Float32Array.from({ length: 999 * 12 }, (_, at) => {
    return random.below(20_001) / 10_000 - 1 + (at % 12 === Math.floor(at / 12) % 3 ? 1 : 0)
  })
  return new Matrix(data, 999, 12)
}

test.each(kernels)(
  '$kind: the same solutions row by row, from cross rows and from whole blocks',
  async (kernel) => {
    const engine = await Engine.open('strict')
    const pace = new Pace()
    const source = await packRows(engine, classes(), groups, kernel, { centre: undefined, scale: 1 }, pace)
    const solver = new Solver(engine, source.runs, kernel.kind)
    const own = BlockRows.placeOwn(engine, source.runs)
    const blocks = new BlockRows(engine, source, own)
    for (const number of own.keys()) await blocks.fillOwn(number, pace)
    const solutions = async (rows: KernelRows) => {
      const found: unknown[] = []
      for (const [n, [i, j]] of (
        [
          [0, 1],
          [0, 2],
          [1, 2],
          [0, 1],
        ] as const
      ).entries()) {
        await solver.solve(rows, i, j, n, {
          ...{ tolerance: 1e-3, maxIterations: -1, pace },
          prepare({ gradient, lower, upper }, first, second) {
            gradient.fill(-1, 0, first.count)
            upper.fill(1, 0, first.count)
            gradient.fill(1, first.size, first.size + second.count)
            lower.fill(-1, first.size, first.size + second.count)
          },
          collect({ beta }, _first, _second, _pair, { rho, iterations }) {
            found.push({ beta: beta.slice(), rho, iterations })
          },
        })
        expect(rows.share).toBeGreaterThan(0)
        if (rows !== blocks) expect(rows.share).toBeLessThan(1)
      }
      return found
    }
    const whole = await solutions(blocks)
    expect(whole[3]).toEqual(whole[0])
    expect(await solutions(new CrossRows(engine, source, own))).toEqual(whole)
    expect(await solutions(new RowCache(engine, source, 2 ** 20))).toEqual(whole)
  },
)
