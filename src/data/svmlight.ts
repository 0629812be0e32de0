import { invalidArgument, shapeMismatch } from '../core/errors.ts'
import type { Matrix } from '../core/matrix.ts'
import { checkBatchSize } from './batch-size.ts'
import { type DataSource, type ReadOptions, unreadable } from './data-source.ts'
import { linesOf } from './lines.ts'
import { SparseRows } from './sparse-rows.ts'
import { decimal, isSpace, quote, readPairs } from './sparse-text.ts'

const FORMAT = 'svmlight data'

/** Dense rows with one label each. */
export interface SvmlightRows {
  X: Matrix
  y: number[]
}

export interface SvmlightOptions extends ReadOptions {
  /** The number of columns. Default: the largest index in the data. */
  columns?: number | undefined
  /** Whether indexes begin at 0. Default `'auto'`: they do if an index 0 occurs. */
  zeroBased?: boolean | 'auto' | undefined
}

export interface SvmlightBatchOptions extends ReadOptions {
  /** The number of columns. Required, since a stream reveals its largest index only at its end. */
  columns: number
  /** Whether indexes begin at 0. Default false. */
  zeroBased?: boolean | undefined
  /** Rows per batch, default 1024; the last batch may have fewer. */
  batchSize?: number | undefined
}

/**
 * Reads svmlight or LIBSVM data text: one row per line, `label index:value ...`, with ascending indexes; omitted
 * values are 0. Comments (`#`) and `qid:` are ignored, as by scikit-learn's `load_svmlight_file`.
 *
 * @returns dense rows; the data is sparse only while it is read
 * @throws {SoftmarginError} `DATA_UNREADABLE` with the line; `EMPTY_INPUT` without rows; `OUT_OF_MEMORY` for
 *   implausibly large indexes; `FILE_UNREADABLE`, `INVALID_ARGUMENT`, `ABORTED`
 */
export async function readSvmlight(source: DataSource, o: SvmlightOptions = {}): Promise<SvmlightRows> {
  const { zeroBased = 'auto' } = o
  const rows = new SparseRows()
  const y: number[] = []
  for await (const label of readRows(source, rows, zeroBased === false ? 1 : 0, o)) y.push(label)
  if (rows.rows === 0) throw unreadable(FORMAT, 'it has no rows')
  const first = zeroBased === false || (zeroBased === 'auto' && rows.narrowest > 0) ? 1 : 0
  // Pairs were read as zero-based. If indexes begin at 1, column 0 is empty and is dropped.
  const shift = zeroBased === 'auto' ? first : 0
  const width = Math.max(rows.width - shift, 0)
  return { X: rows.toMatrix(columnsOf(o.columns, width), 'source', shift), y }
}

/**
 * Reads svmlight data batch by batch, for data that does not fit in memory.
 *
 * @throws {SoftmarginError} as `readSvmlight`, and `DATA_UNREADABLE` for an index beyond `columns`
 */
export async function* svmlightBatches(
  source: DataSource,
  o: SvmlightBatchOptions,
): AsyncGenerator<SvmlightRows> {
  const { columns, batchSize = 1024, zeroBased = false } = o
  checkBatchSize(batchSize)
  columnsOf(columns, 0)
  let rows = new SparseRows()
  let y: number[] = []
  const take = (): SvmlightRows => {
    const batch = { X: rows.toMatrix(columns, 'source'), y }
    rows = new SparseRows()
    y = []
    return batch
  }
  const into = { begin: () => rows.begin(), add: (column: number, value: number) => rows.add(column, value) }
  for await (const label of readRows(source, into, zeroBased ? 0 : 1, o, columns)) {
    y.push(label)
    if (y.length === batchSize) yield take()
  }
  if (y.length > 0) yield take()
}

/** Reads rows one by one into `rows` and yields the label of each. */
async function* readRows(
  source: DataSource,
  rows: Pick<SparseRows, 'begin' | 'add'>,
  first: 0 | 1,
  o: ReadOptions,
  columns = Number.POSITIVE_INFINITY,
): AsyncGenerator<number> {
  let number = 0
  const fail = (why: string) => unreadable(FORMAT, `line ${number}: ${why}`)
  const visit = (index: number, value: number) => {
    if (index - first >= columns) throw fail(`index ${index} exceeds the ${columns} columns asked for`)
    rows.add(index - first, value)
  }
  for await (const whole of linesOf(source, FORMAT, o)) {
    number++
    const comment = whole.indexOf('#')
    const line = comment < 0 ? whole : whole.slice(0, comment)
    let at = 0
    while (isSpace(line.charCodeAt(at))) at++
    if (at === line.length) continue
    const start = at
    while (at < line.length && !isSpace(line.charCodeAt(at))) at++
    const label = decimal(line.slice(start, at))
    if (!Number.isFinite(label)) throw fail(`${quote(line, start)} is not a label, which must be a number`)
    const query = /^\s+qid:\d+(?=\s|$)/.exec(line.slice(at, at + 64))
    rows.begin()
    readPairs(line, at + (query?.[0].length ?? 0), first, visit, fail)
    yield label
  }
}

function columnsOf(columns: number | undefined, width: number): number {
  if (columns === undefined) {
    if (width === 0) throw unreadable(FORMAT, 'all its rows are empty')
    return width
  }
  if (!Number.isSafeInteger(columns) || columns < Math.max(width, 1)) {
    const least = Math.max(width, 1)
    throw invalidArgument('columns', columns, `an integer of ${least} or more`)
  }
  return columns
}

/**
 * Encodes rows as svmlight data text with indexes from 1. The format has no header, so several batches can be
 * concatenated into one file.
 *
 * @param y one number per row
 * @throws {SoftmarginError} `SHAPE_MISMATCH`, `INVALID_ARGUMENT` for labels that are not finite numbers
 */
export function writeSvmlight(X: Matrix, y: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  if (y.length !== X.rows) throw shapeMismatch('y', y.length, `${X.rows} labels, one for each row of X`)
  const lines: string[] = []
  for (let i = 0; i < X.rows; i++) {
    if (!Number.isFinite(y[i])) throw invalidArgument(`y[${i}]`, y[i], 'a finite number')
    let line = String(y[i])
    const row = X.row(i)
    for (let k = 0; k < row.length; k++) if (row[k] !== 0) line += ` ${k + 1}:${row[k]}`
    lines.push(`${line}\n`)
  }
  return new TextEncoder().encode(lines.join(''))
}
