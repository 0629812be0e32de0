import { invalidArgument, shapeMismatch } from '../core/errors.ts'
import type { Matrix } from '../core/matrix.ts'
import { checkBatchSize, type DataSource, type ReadOptions, unreadable } from './data-source.ts'
import { linesOf } from './lines.ts'
import { SparseRows } from './sparse-rows.ts'
import { decimal, isSpace, quote, readPairs } from './sparse-text.ts'

const FORMAT = 'svmlight data'

/** Rows with their labels. */
export interface SvmlightRows {
  X: Matrix
  y: number[]
}

export interface SvmlightOptions extends ReadOptions {
  /** How wide rows are. Default: the greatest index of the whole data. */
  columns?: number | undefined
  /** Whether indexes begin at 0. Default `'auto'`: they do if there is one that is 0. */
  zeroBased?: boolean | 'auto' | undefined
}

export interface SvmlightBatchOptions extends ReadOptions {
  /** How wide rows are: a stream does not tell before its end. */
  columns: number
  /** Whether indexes begin at 0, default false. */
  zeroBased?: boolean | undefined
  /** Rows at a time, default 1024; the last batch may have fewer. */
  batchSize?: number | undefined
}

/**
 * Reads svmlight or LIBSVM data text: a line a row, `label index:value ...`, indexes ascending, what is not there
 * is 0. Comments (`#`) and `qid:` are left out, as scikit-learn's `load_svmlight_file` does.
 *
 * @returns dense rows: only while it is read is the data sparse
 * @throws {SoftmarginError} `DATA_UNREADABLE` with the line; `EMPTY_INPUT` without rows; `OUT_OF_MEMORY` for columns
 *   that cannot be; `FILE_UNREADABLE`, `INVALID_ARGUMENT`, `ABORTED`
 */
export async function readSvmlight(source: DataSource, o: SvmlightOptions = {}): Promise<SvmlightRows> {
  const { zeroBased = 'auto' } = o
  const rows = new SparseRows()
  const y: number[] = []
  for await (const label of readRows(source, rows, zeroBased === false ? 1 : 0, o)) y.push(label)
  if (rows.rows === 0) throw unreadable(FORMAT, 'it has no rows')
  const first = zeroBased === false || (zeroBased === 'auto' && rows.narrowest > 0) ? 1 : 0
  // With indexes from 1, column 0 is read as 1 too far right: nothing stands in it.
  const shift = zeroBased === 'auto' ? first : 0
  const width = Math.max(rows.width - shift, 0)
  return { X: rows.toMatrix(columnsOf(o.columns, width), 'source', shift), y }
}

/**
 * The same, batch by batch: data that does not fit in memory.
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

/** Reads rows one by one into `rows` and answers the label of each. */
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
    if (index - first >= columns) throw fail(`index ${index} is beyond the ${columns} columns asked for`)
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
    if (!Number.isFinite(label)) throw fail(`${quote(line, start)} is no label: a number`)
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
    throw invalidArgument('columns', columns, `a whole number of ${least} or more`)
  }
  return columns
}

/**
 * Rows as svmlight data text, indexes from 1. The format has no header: several batches, one after the other, are
 * one file.
 *
 * @param y a number for each row
 * @throws {SoftmarginError} `SHAPE_MISMATCH`, `INVALID_ARGUMENT` for labels that are no finite numbers
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
