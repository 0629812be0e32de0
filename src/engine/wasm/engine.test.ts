import { expect, test } from 'vitest'
import { Matrix } from '../../core/matrix.ts'
import { conditioningOf, type Kernel } from '../kernel/kernel.ts'
import { PackedRows } from '../kernel/packed-rows.ts'
import { Packer } from '../kernel/packer.ts'
import { PairWeights } from '../kernel/pair-weights.ts'
import { PrecisePacker } from '../kernel/precise-packer.ts'
import { BlockRows } from '../rows/block-rows.ts'
import { OffDiagonalRows } from '../rows/off-diagonal-rows.ts'
import { RowCache } from '../rows/row-cache.ts'
import { Solver } from '../solver/solver.ts'
import { Engine } from './engine.ts'
import { TimeSlice } from './time-slice.ts'

const kernel: Kernel = { kind: 'poly', gamma: 1, coef0: 1, degree: 2 }
const X = new Matrix(
  Float32Array.from({ length: 300 * 7 }, (_, at) => Math.sin(at)),
  300,
  7,
)
const groups = [0, 1, 2].map((c) => Array.from({ length: 100 }, (_, i) => 3 * i + c))

test('measure() counts what constructors allocate and allocates nothing', async () => {
  const engine = await Engine.open('strict')
  const conditioning = await conditioningOf(engine, X, 'poly', new TimeSlice())
  const origin = new Float32Array(X.cols).fill(1)
  const precise = { ...conditioning, precise: { lessOne: false, origin } }
  const packer = new Packer(engine, X, groups, kernel, precise, PrecisePacker)
  const source = new PackedRows(engine, packer.layout)
  for (const build of [
    () => new Packer(engine, X, groups, kernel, conditioning),
    () => new Packer(engine, X, groups, kernel, precise, PrecisePacker),
    () => new PackedRows(engine, packer.layout),
    () => PairWeights.allocate(engine, source.runs, 1e6),
    () => new Solver(engine, source.runs, 'poly'),
    () => new RowCache(engine, source, 1e5),
    () => new OffDiagonalRows(engine, source, []),
    () => new BlockRows(engine, source),
  ]) {
    const before = Buffer.from(engine.memory.buffer.slice(0))
    const mark = engine.mark()
    const bytes = engine.measure(build)
    expect(engine.mark()).toBe(mark)
    expect(before.equals(new Uint8Array(engine.memory.buffer))).toBe(true)
    build()
    expect(bytes).toBe(engine.mark() - mark)
    expect(bytes).toBeGreaterThan(0)
  }
  engine.close()
})

test('an instance in a region has room for the measured size and no more', async () => {
  const engine = await Engine.open('strict', true)
  const other = await Engine.join('strict', engine.allocateRegion(1000))
  expect(other.room).toBeGreaterThanOrEqual(1000)
  other.allocate(1000)
  expect(() => other.allocate(1000)).toThrow(/WebAssembly memory/)
})

test('a second close() leaves the engine alone that has taken over the instance', async () => {
  const first = await Engine.open('strict')
  first.close()
  const second = await Engine.open('strict')
  expect(second.memory).toBe(first.memory)
  const address = second.allocate(8)
  second.setFloat64(address, 42)
  first.close()
  const third = await Engine.open('strict')
  expect(third.memory).not.toBe(second.memory)
  third.setFloat64(third.allocate(8), -1)
  expect(second.getFloat64(address)).toBe(42)
  second.close()
  third.close()
})
