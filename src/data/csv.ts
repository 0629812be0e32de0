// Reads CSV text with a header, as records or as a table of numbers.

import { invalidArgument, show } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { Matrix } from '../core/matrix.ts'
import { checkBatchSize } from './batch-size.ts'
import { CsvParser, type CsvRecord, FORMAT } from './csv-parser.ts'
import { type DataSource, type ReadOptions, unreadable } from './data-source.ts'
import { textOf } from './lines.ts'
import { decimal } from './sparse-text.ts'

export interface CsvOptions extends ReadOptions {
  /** The character between fields. Default `','`. */
  delimiter?: string | undefined
}

export interface CsvTableOptions<K extends LabelKind = LabelKind> extends CsvOptions {
  /** The name of the column that holds the labels. Without it, all columns are features. */
  label?: string | undefined
  /** The type of the labels. Default `'text'`. */
  labels?: K | undefined
  /** The names of the feature columns, in the order wanted. Default: all columns except the label column. */
  columns?: readonly string[] | undefined
  /** Rows per batch, default 1024; the last batch may have fewer. */
  batchSize?: number | undefined
}

/** How the labels of a table are read: as they are, or as numbers. */
export type LabelKind = 'text' | 'number'

/** The TypeScript type of the labels of a table. */
export type LabelOf<K extends LabelKind> = K extends 'number' ? number : string

/** Rows of a table, with their labels. */
export interface CsvRows<L extends Label = Label> {
  X: Matrix
  /** One label per row; empty without a label column. */
  y: L[]
  /** The names of the columns of `X`. */
  columns: string[]
}

/**
 * Reads CSV text with a header, one record at a time. Each record is an object that maps the names in the header to
 * the texts of the fields. The text is UTF-8, with or without a byte order mark.
 *
 * @throws {SoftmarginError} `DATA_UNREADABLE` with the line, for a record with more or fewer fields than the header,
 *   an unclosed quote, two columns of the same name, or bytes that are not UTF-8; `FILE_UNREADABLE`,
 *   `INVALID_ARGUMENT`, `ABORTED`
 */
export async function* csvRecords(
  source: DataSource,
  o: CsvOptions = {},
): AsyncGenerator<Record<string, string>> {
  let header: string[] | undefined
  for await (const { fields } of recordsOf(source, o)) {
    if (header === undefined) header = fields
    else {
      const record: Record<string, string> = Object.create(null)
      for (let i = 0; i < header.length; i++) record[header[i]] = fields[i]
      yield record
    }
  }
}

/**
 * Reads a whole table of numbers: `X` has one row per record and one float32 column per feature.
 *
 * @throws {SoftmarginError} as `csvBatches`, and `DATA_UNREADABLE` if there are no rows
 */
export async function readCsv<K extends LabelKind = 'text'>(
  source: DataSource,
  o: CsvTableOptions<K> = {},
): Promise<CsvRows<LabelOf<K>>> {
  const batches: CsvRows<LabelOf<K>>[] = []
  let rows = 0
  for await (const batch of csvBatches(source, o)) {
    batches.push(batch)
    rows += batch.X.rows
  }
  if (rows === 0) throw unreadable(FORMAT, 'it has no rows after its header')
  const { columns } = batches[0]
  const data = new Float32Array(rows * columns.length)
  let at = 0
  for (const { X } of batches) {
    data.set(X.data, at)
    at += X.data.length
  }
  return { X: new Matrix(data, rows, columns.length), y: batches.flatMap(({ y }) => y), columns }
}

/**
 * Reads a table of numbers batch by batch, for tables that do not fit in memory.
 *
 * @throws {SoftmarginError} as `csvRecords`; `DATA_UNREADABLE` with line and column for a field that is not a finite
 *   number; `INVALID_ARGUMENT` for a column that does not exist
 */
export async function* csvBatches<K extends LabelKind = 'text'>(
  source: DataSource,
  o: CsvTableOptions<K> = {},
): AsyncGenerator<CsvRows<LabelOf<K>>> {
  const { batchSize = 1024, labels = 'text' } = o
  checkBatchSize(batchSize)
  if (labels !== 'text' && labels !== 'number') throw invalidArgument('labels', labels, "'text' or 'number'")
  let table: Table | undefined
  for await (const record of recordsOf(source, o)) {
    if (table === undefined) table = new Table(record.fields, o)
    else {
      table.add(record)
      if (table.rows === batchSize) yield table.take() as CsvRows<LabelOf<K>>
    }
  }
  if (table && table.rows > 0) yield table.take() as CsvRows<LabelOf<K>>
}

/** Collects rows of numbers for the next batch. */
class Table {
  readonly #columns: string[]
  readonly #places: number[]
  readonly #label: number | undefined
  readonly #numeric: boolean
  #values: number[] = []
  #y: Label[] = []
  rows = 0

  constructor(header: string[], { label, labels, columns }: CsvTableOptions) {
    const places = new Map(header.map((name, at) => [name, at]))
    const place = (name: string, argument: string) => {
      const at = places.get(name)
      if (at !== undefined) return at
      throw invalidArgument(
        argument,
        name,
        `a column of the header: ${header.slice(0, 20).map(show).join(', ')}`,
      )
    }
    this.#label = label === undefined ? undefined : place(label, 'label')
    this.#numeric = labels === 'number'
    this.#columns = columns ? [...columns] : header.filter((name) => name !== label)
    this.#places = this.#columns.map((name, i) => place(name, `columns[${i}]`))
    if (this.#places.length === 0) throw unreadable(FORMAT, 'it has no columns of numbers')
  }

  add({ fields, line }: CsvRecord): void {
    const number = (at: number, name: string) => {
      const value = decimal(fields[at].trim())
      if (Number.isFinite(Math.fround(value))) return value
      throw unreadable(
        FORMAT,
        `line ${line}: column ${show(name)} is ${show(fields[at])}, not a finite number`,
      )
    }
    for (const [i, at] of this.#places.entries()) this.#values.push(number(at, this.#columns[i]))
    if (this.#label !== undefined) {
      this.#y.push(this.#numeric ? number(this.#label, 'of labels') : fields[this.#label])
    }
    this.rows++
  }

  take(): CsvRows {
    const X = new Matrix(Float32Array.from(this.#values), this.rows, this.#columns.length)
    const batch = { X, y: this.#y, columns: this.#columns }
    this.#values = []
    this.#y = []
    this.rows = 0
    return batch
  }
}

/** Yields the records of a text, the header first; checks that all have the same number of fields. */
async function* recordsOf(source: DataSource, o: CsvOptions): AsyncGenerator<CsvRecord> {
  const { delimiter = ',' } = o
  if (typeof delimiter !== 'string' || delimiter.length !== 1 || /["\r\n]/.test(delimiter)) {
    throw invalidArgument('delimiter', delimiter, 'one character other than a quote or an end of line')
  }
  const parser = new CsvParser(delimiter)
  let width: number | undefined
  const check = (record: CsvRecord) => {
    if (width === undefined) {
      width = record.fields.length
      const seen = new Set<string>()
      const twice = record.fields.find((name) => seen.size === seen.add(name).size)
      if (twice !== undefined) throw unreadable(FORMAT, `two of its columns are named ${show(twice)}`)
    } else if (record.fields.length !== width) {
      throw unreadable(
        FORMAT,
        `line ${record.line} has ${record.fields.length} fields where the header has ${width}`,
      )
    }
    return record
  }
  for await (const text of textOf(source, FORMAT, o)) {
    for (const record of parser.push(text, false)) yield check(record)
  }
  for (const record of parser.push('', true)) yield check(record)
  if (width === undefined) throw unreadable(FORMAT, 'it is empty')
}
