import { describe, expect, test } from 'vitest'
import { packRows } from '../../../test/support/pack-rows.ts'
import { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import { Engine } from '../wasm/engine.ts'
import { TimeSlice } from '../wasm/time-slice.ts'
import type { Kernel } from './kernel.ts'

const RAW = { centre: undefined, scale: 1 }
const LINEAR: Kernel = { kind: 'linear', gamma: 1, coef0: 0, degree: 3 }

function randomMatrix(rows: number, cols: number, seed: number): Matrix {
  const random = new Random(seed)
  const data = Float32Array.from({ length: rows * cols }, () => random.below(20_001) / 10_000 - 1)
  return new Matrix(data, rows, cols)
}

function range(count: number): number[] {
  return [...Array(count).keys()]
}

/** K(X[left], X) from the engine, and the reference in float64. */
async function values(X: Matrix, left: number[], kernel: Kernel) {
  const engine = await Engine.open('strict')
  const rows = await packRows(engine, X, [range(X.rows)], kernel, RAW, new TimeSlice())
  const { size } = rows.runs[0]
  const out = engine.allocate(left.length * size * 4)
  rows.gather(left)
  rows.computeBlock(left.length, 0, size, out, size * 4)
  const made = engine.float32(out, left.length * size)
  return left.map((_, i) => made.slice(i * size, i * size + X.rows))
}

function reference(X: Matrix, i: number, j: number, { kind, gamma, coef0, degree }: Kernel): number {
  let dot = 0
  let distance = 0
  for (let k = 0; k < X.cols; k++) {
    const a = X.data[i * X.cols + k]
    const b = X.data[j * X.cols + k]
    dot += a * b
    distance += (a - b) * (a - b)
  }
  if (kind === 'linear') return dot
  if (kind === 'rbf') return Math.exp(-gamma * distance)
  if (kind === 'poly') return (gamma * dot + coef0) ** degree
  return Math.tanh(gamma * dot + coef0)
}

describe('kernel values match a float64 reference', () => {
  // Numbers of rows with and without partial tiles; numbers of columns within and beyond a block of the tiles.
  const shapes = [1, 2, 5, 6, 7, 8, 9, 33, 161].flatMap((rows) =>
    [1, 3, 64, 513, 2047, 2048, 2049, 4500].map((cols) => ({ rows, cols })),
  )
  test.each(shapes)('$rows x $cols', async ({ rows, cols }) => {
    const X = randomMatrix(rows, cols, rows * 7919 + cols)
    const left = range(Math.min(rows, 37))
    const made = await values(X, left, LINEAR)
    for (const i of left) {
      for (let j = 0; j < rows; j++) {
        const error = Math.abs(made[i][j] - reference(X, i, j, LINEAR))
        expect(error).toBeLessThanOrEqual(2e-6 * magnitude(X, i, j))
      }
    }
  })

  const kernels: Kernel[] = [
    { kind: 'rbf', gamma: 0.02, coef0: 0, degree: 3 },
    { kind: 'rbf', gamma: 3, coef0: 0, degree: 3 },
    { kind: 'poly', gamma: 0.1, coef0: 1, degree: 1 },
    { kind: 'poly', gamma: 0.1, coef0: 0, degree: 5 },
    { kind: 'poly', gamma: 0.1, coef0: 2, degree: 0 },
    { kind: 'sigmoid', gamma: 1e-5, coef0: 0, degree: 3 },
    { kind: 'sigmoid', gamma: 0.5, coef0: -0.3, degree: 3 },
    { kind: 'sigmoid', gamma: 50, coef0: 1, degree: 3 },
  ]
  test.each(kernels)('$kind, gamma $gamma, coef0 $coef0, degree $degree', async (kernel) => {
    const X = randomMatrix(50, 40, 5)
    const made = await values(X, range(50), kernel)
    for (let i = 0; i < 50; i++) {
      for (let j = 0; j < 50; j++) {
        const wanted = reference(X, i, j, kernel)
        expect(Math.abs(made[i][j] - wanted)).toBeLessThanOrEqual(
          2e-6 * Math.abs(wanted) + 1e-30 + errorOf(kernel),
        )
      }
    }
  })
})

/** The sum of the absolute terms of a dot product, to which its rounding error is proportional. */
function magnitude(X: Matrix, i: number, j: number): number {
  let sum = 0
  for (let k = 0; k < X.cols; k++) sum += Math.abs(X.data[i * X.cols + k] * X.data[j * X.cols + k])
  return sum
}

/** The absolute error of a kernel value caused by rounding a dot product of 40 numbers. */
function errorOf({ kind, gamma }: Kernel): number {
  return kind === 'rbf' ? 4e-6 * gamma : kind === 'sigmoid' ? 4e-6 * Math.min(gamma, 1) : 2e-6 * gamma
}

test('a product has the same bits in every tile, and x.z equals z.x bitwise', async () => {
  const X = randomMatrix(100, 2300, 11)
  const all = await values(X, range(100), LINEAR)
  for (const i of [0, 1, 42, 99]) {
    const [alone] = await values(X, [i], LINEAR)
    expect(alone).toEqual(all[i])
    for (const j of [0, 17, 99]) expect(all[j][i]).toBe(all[i][j])
  }
})

test('the distance of a row to itself and to a copy is 0', async () => {
  const X = randomMatrix(20, 333, 3)
  X.row(13).set(X.row(4))
  const made = await values(X, [4, 13], { kind: 'rbf', gamma: 100, coef0: 0, degree: 3 })
  expect([made[0][4], made[0][13], made[1][4], made[1][13]]).toEqual([1, 1, 1, 1])
})

test('packed rows read from another matrix give the same kernel values', async () => {
  const X = randomMatrix(64, 77, 9)
  const kernel: Kernel = { kind: 'rbf', gamma: 0.05, coef0: 0, degree: 3 }
  const engine = await Engine.open('strict')
  const rows = await packRows(engine, X, [range(64)], kernel, RAW, new TimeSlice())
  const source = engine.allocate(13 * 77 * 4)
  const out = engine.allocate(13 * 64 * 4)
  engine.float32(source, 13 * 77).set(X.data.subarray(0, 13 * 77))
  rows.take(source, 13)
  rows.computeBlock(13, 0, 64, out, 64 * 4)
  const home = await values(X, range(13), kernel)
  for (let i = 0; i < 13; i++) expect(engine.float32(out + i * 64 * 4, 64)).toEqual(home[i])
})
