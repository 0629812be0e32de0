import type { Matrix } from '../../core/matrix.ts'
import { TOTALS } from '../wasm/bindings.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'

/** Statistics of a matrix that conditioning, the default gamma and input validation are derived from. */
export interface ColumnStats {
  columnMeans: Float64Array
  /** Population variance over all elements: exactly 0 if all are equal. */
  variance: number
  /** The largest absolute value. */
  largest: number
  /** Whether no element is NaN or infinite. */
  isFinite: boolean
}

/** Elements that are copied to the engine at once: few enough to stay in the cache. */
const CHUNK_ELEMENTS = 1 << 15

/**
 * Statistics of X in one pass. Sums are accumulated in row order, in float64.
 *
 * @param selected numbers of the rows to look at, in this order. Default: all rows
 * @throws {SoftmarginError} `ABORTED`
 */
export async function columnStats(
  engine: Engine,
  X: Matrix,
  timeSlice: TimeSlice,
  selected?: Int32Array,
): Promise<ColumnStats> {
  const { data, cols } = X
  const rows = selected?.length ?? X.rows
  // A model whose decision function is constant has no support vectors.
  if (rows === 0) return { columnMeans: new Float64Array(cols), variance: 0, largest: 0, isFinite: true }
  const mark = engine.mark()
  const together = Math.max(1, Math.floor(CHUNK_ELEMENTS / cols))
  const source = engine.allocate(together * cols * 4)
  const sums = engine.allocate(cols * 8)
  const totals = engine.allocate(TOTALS.bytes)
  engine.float64(sums, cols).fill(0)
  engine.int32(totals, TOTALS.bytes / 4).fill(0)
  // Shifted by one of the values, squares are small and a single pass is accurate enough.
  const shift = data[(selected?.[0] ?? 0) * cols]
  engine.setFloat64(totals + TOTALS.shift, shift)
  for (let from = 0; from < rows; from += together) {
    const count = Math.min(together, rows - from)
    const piece = engine.float32(source, count * cols)
    if (selected) for (let r = 0; r < count; r++) piece.set(X.row(selected[from + r]), r * cols)
    else piece.set(data.subarray(from * cols, (from + count) * cols))
    engine.exports.columnStats(source, count, cols, sums, totals)
    // Yielding is safe: nothing else uses this engine in the meantime.
    if (timeSlice.expired) await timeSlice.yield()
  }
  const columnMeans = engine.float64(sums, cols).slice()
  const squares = engine.getFloat64(totals + TOTALS.squares)
  const largest = engine.getFloat64(totals + TOTALS.largest)
  const notFinite = engine.getInt32(totals + TOTALS.notFinite)
  engine.release(mark)
  const numbers = rows * cols
  const aside = columnMeans.reduce((sum, value) => sum + value, 0) - numbers * shift
  for (let k = 0; k < cols; k++) columnMeans[k] /= rows
  const variance = Math.max(0, (squares - (aside * aside) / numbers) / numbers)
  return { columnMeans, variance, largest, isFinite: notFinite === 0 }
}
