// Fills blocks of the kernel matrix and their mirror images.

import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import type { KernelMatrix } from './kernel-matrix.ts'
import type { Run } from './runs.ts'

/**
 * Bytes between rows of a block whose columns are `run`. A stride that is a multiple of 512 bytes is padded, because
 * such rows compete for the same few cache lines when the block is transposed.
 */
export function strideOf(run: Run): number {
  const bytes = run.size * 4
  return bytes % 512 === 0 ? bytes + 64 : bytes
}

/**
 * out = K(a, b) and mirrored = K(b, a), f32. The strides are `strideOf(b)` and `strideOf(a)`. For a diagonal block
 * (`out === mirrored`) only the columns from the diagonal on are computed; the rest is mirrored.
 *
 * @throws {SoftmarginError} `ABORTED`
 */
export async function fillBlock(
  engine: Engine,
  rows: KernelMatrix,
  a: Run,
  b: Run,
  out: number,
  mirrored: number,
  timeSlice: TimeSlice,
): Promise<void> {
  for (let i = 0; i < a.size; i += engine.blockRows) {
    await fillStrip(engine, rows, a, b, i, out, mirrored, timeSlice)
  }
}

/** out = K(run, run), with stride `strideOf(run)`. @throws {SoftmarginError} `ABORTED` */
export async function fillDiagonalBlock(
  engine: Engine,
  rows: KernelMatrix,
  run: Run,
  out: number,
  timeSlice: TimeSlice,
): Promise<void> {
  await fillBlock(engine, rows, run, run, out, out, timeSlice)
}

/**
 * Fills the part of a block and of its mirror image that belongs to up to `blockRows` rows of `a` from row `i` on.
 *
 * @throws {SoftmarginError} `ABORTED`
 */
export async function fillStrip(
  engine: Engine,
  rows: KernelMatrix,
  a: Run,
  b: Run,
  i: number,
  out: number,
  mirrored: number,
  timeSlice: TimeSlice,
): Promise<void> {
  const strideA = strideOf(a)
  const strideB = strideOf(b)
  const count = Math.min(engine.blockRows, a.size - i)
  rows.gather(range(a.start + i, count))
  const from = out === mirrored ? i : 0
  const step = rows.columnsPerCall(count)
  for (let j = from; j < b.size; j += step) {
    const cols = Math.min(step, b.size - j)
    rows.computeBlock(count, b.start + j, cols, out + i * strideB + j * 4, strideB)
    if (timeSlice.expired) await timeSlice.yield()
  }
  const after = out === mirrored ? i + count : 0
  engine.exports.transpose(
    ...([out + i * strideB + after * 4, strideB, count, b.size - after] as const),
    ...([mirrored + after * strideA + i * 4, strideA] as const),
  )
}

function range(start: number, count: number): Int32Array {
  const numbers = new Int32Array(count)
  for (let i = 0; i < count; i++) numbers[i] = start + i
  return numbers
}
