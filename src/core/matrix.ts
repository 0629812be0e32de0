import { invalidArgument, SoftmarginError, shapeMismatch } from './errors.ts'

/** Rows of numbers as an argument: a `Matrix`, or an array of rows of equal length. */
export type MatrixLike = Matrix | ArrayLike<ArrayLike<number>>

/**
 * A dense float32 matrix in row-major order.
 *
 * `data` is used without copying it, so changing it changes the matrix.
 */
export class Matrix {
  /** `rows * cols` numbers; row `i` starts at `i * cols`. */
  readonly data: Float32Array
  readonly rows: number
  readonly cols: number

  /**
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for the wrong type of an argument; `SHAPE_MISMATCH` if `data` does
   *   not hold `rows * cols` numbers
   */
  constructor(data: Float32Array, rows: number, cols: number) {
    if (!(data instanceof Float32Array)) throw invalidArgument('data', data, 'a Float32Array')
    for (const [name, value] of [
      ['rows', rows],
      ['cols', cols],
    ] as const) {
      if (!Number.isSafeInteger(value) || value < 0)
        throw invalidArgument(name, value, 'an integer of 0 or more')
    }
    if (data.length !== rows * cols) {
      throw shapeMismatch('data', data.length, `rows * cols = ${rows} * ${cols} = ${rows * cols} numbers`)
    }
    this.data = data
    this.rows = rows
    this.cols = cols
  }

  /**
   * Returns row `i` as a view: writing to it changes the matrix.
   *
   * @throws {SoftmarginError} `INVALID_ARGUMENT` if there is no such row
   */
  row(i: number): Float32Array {
    if (!Number.isInteger(i) || i < 0 || i >= this.rows) {
      throw invalidArgument('i', i, `a row number from 0 to ${this.rows - 1}`)
    }
    return this.data.subarray(i * this.cols, (i + 1) * this.cols)
  }

  /**
   * Returns copies of the rows with these numbers, in this order.
   *
   * @throws {SoftmarginError} `INVALID_ARGUMENT` if there is no such row
   */
  select(indexes: ArrayLike<number>): Matrix {
    const data = new Float32Array(indexes.length * this.cols)
    for (let i = 0; i < indexes.length; i++) data.set(this.row(indexes[i]), i * this.cols)
    return new Matrix(data, indexes.length, this.cols)
  }

  /**
   * Returns a matrix with the given rows; a `Matrix` is returned as it is, without copying.
   *
   * @param rows array of rows of equal length
   * @param name the caller's name of the argument, for error messages
   * @throws {SoftmarginError} `EMPTY_INPUT` without rows or columns, `SHAPE_MISMATCH` for rows of different length,
   *   `INVALID_ARGUMENT` for anything else
   */
  static from(rows: MatrixLike, name = 'X'): Matrix {
    if (rows instanceof Matrix) return rows
    if (rows === null || typeof rows !== 'object' || typeof rows.length !== 'number') {
      throw invalidArgument(name, rows, 'a Matrix or an array of rows')
    }
    if (rows.length === 0) throw emptyMatrix(name, 'row')
    const first = rows[0]
    if (first === null || typeof first !== 'object' || typeof first.length !== 'number') {
      throw invalidArgument(`${name}[0]`, first, 'a row: an array of numbers')
    }
    const cols = first.length
    if (cols === 0) throw emptyMatrix(name, 'column')
    const data = new Float32Array(rows.length * cols)
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]
      if (row?.length !== cols) {
        throw shapeMismatch(`${name}[${i}]`, row?.length, `${cols} numbers, like ${name}[0]`)
      }
      data.set(row, i * cols)
    }
    return new Matrix(data, rows.length, cols)
  }
}

/**
 * Checks that a matrix has rows and columns, and that all its values are finite.
 *
 * @throws {SoftmarginError} `EMPTY_INPUT`, `NOT_FINITE` with the row and the column
 */
export function checkFinite(matrix: Matrix, name = 'X'): void {
  checkNotEmpty(matrix, name)
  checkFiniteRows(matrix, 0, matrix.rows, name)
}

/**
 * Checks that a matrix has rows and columns.
 *
 * @throws {SoftmarginError} `EMPTY_INPUT`
 */
export function checkNotEmpty({ rows, cols }: Matrix, name = 'X'): void {
  if (rows === 0) throw emptyMatrix(name, 'row')
  if (cols === 0) throw emptyMatrix(name, 'column')
}

/**
 * Checks that all values in the rows `from` to `to` - 1 are finite.
 *
 * @throws {SoftmarginError} `NOT_FINITE` with the row and the column
 */
export function checkFiniteRows({ data, cols }: Matrix, from: number, to: number, name = 'X'): void {
  for (let i = from * cols; i < to * cols; i++) {
    // x - x is 0 for every finite x and NaN otherwise: one comparison per value.
    if (data[i] - data[i] !== 0) {
      const row = Math.floor(i / cols)
      const col = i % cols
      throw new SoftmarginError(
        'NOT_FINITE',
        `${name} must hold finite numbers, but row ${row}, column ${col} is ${data[i]}`,
        { argument: `${name}[${row}][${col}]`, received: data[i], expected: 'a finite number' },
      )
    }
  }
}

function emptyMatrix(name: string, what: 'row' | 'column'): SoftmarginError {
  return new SoftmarginError('EMPTY_INPUT', `${name} must have at least one ${what}, but has none`, {
    argument: name,
    received: 0,
    expected: `at least one ${what}`,
  })
}
