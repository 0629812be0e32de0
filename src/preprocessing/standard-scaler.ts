import { invalidArgument, SoftmarginError, shapeMismatch } from '../core/errors.ts'
import { checkFinite, Matrix, type MatrixLike } from '../core/matrix.ts'

/**
 * Standardizes each column to mean 0 and variance 1: `(x - mean) / scale`.
 *
 * The numbers are those of scikit-learn's `StandardScaler`: the population standard deviation, and a scale of 1 for
 * constant columns. Sums are computed in float64, row after row.
 */
export class StandardScaler {
  #mean: Float64Array | undefined
  #scale: Float64Array | undefined

  /**
   * The mean of each column.
   *
   * @throws {SoftmarginError} `NOT_FITTED`
   */
  get mean(): Float64Array {
    return this.#mean ?? notFitted('mean')
  }

  /**
   * The divisor of each column: its standard deviation, or 1 if the column is constant.
   *
   * @throws {SoftmarginError} `NOT_FITTED`
   */
  get scale(): Float64Array {
    return this.#scale ?? notFitted('scale')
  }

  /**
   * Creates a scaler from its numbers, for example from saved ones.
   *
   * @param numbers `mean` and `scale` of a scaler, also after `structuredClone` or JSON
   * @throws {SoftmarginError} `SHAPE_MISMATCH` if the lengths differ; `INVALID_ARGUMENT` if mean or scale is missing,
   *   if a mean is not finite, or if a scale is 0 or not finite
   */
  static from(numbers: { mean: ArrayLike<number>; scale: ArrayLike<number> }): StandardScaler {
    const scaler = new StandardScaler()
    scaler.#mean = numbersOf(numbers, 'mean')
    scaler.#scale = numbersOf(numbers, 'scale')
    if (scaler.#mean.length !== scaler.#scale.length) {
      throw shapeMismatch('scale', scaler.#scale.length, `${scaler.#mean.length} numbers, like mean`)
    }
    scaler.#mean.forEach((mean, i) => {
      if (!Number.isFinite(mean)) throw invalidArgument(`mean[${i}]`, mean, 'a finite number')
    })
    scaler.#scale.forEach((scale, i) => {
      if (!Number.isFinite(scale) || scale === 0) {
        throw invalidArgument(`scale[${i}]`, scale, 'a finite number other than 0')
      }
    })
    return scaler
  }

  /**
   * Computes the mean and the scale of each column.
   *
   * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `NOT_FINITE`, `INVALID_ARGUMENT`
   */
  async fit(X: MatrixLike): Promise<this> {
    const matrix = Matrix.from(X)
    checkFinite(matrix)
    // Loaded on demand, because a saved scaler has its numbers.
    const { columnMeans, columnScales } = await import('./column-scales.ts')
    const mean = columnMeans(matrix)
    this.#scale = columnScales(matrix, mean)
    this.#mean = mean
    return this
  }

  /**
   * Returns the standardized rows, rows x columns. `X` is not changed.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, and as `fit`
   */
  async transform(X: MatrixLike): Promise<Matrix> {
    const { mean, scale } = this
    const matrix = Matrix.from(X)
    checkFinite(matrix)
    const { rows, cols } = matrix
    if (cols !== mean.length)
      throw shapeMismatch('X', cols, `${mean.length} columns, like the rows passed to fit()`)
    const data = new Float32Array(rows * cols)
    for (let i = 0, at = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++, at++) data[at] = (matrix.data[at] - mean[j]) / scale[j]
    }
    return new Matrix(data, rows, cols)
  }

  /**
   * Calls `fit` and returns `transform` of the same rows.
   *
   * @throws {SoftmarginError} as `fit`
   */
  async fitTransform(X: MatrixLike): Promise<Matrix> {
    const matrix = Matrix.from(X)
    return (await this.fit(matrix)).transform(matrix)
  }
}

/** JSON turns a typed array into an object with the keys '0', '1', ..., and NaN into null. */
function numbersOf(holder: { [name: string]: unknown }, name: string): Float64Array {
  const given = holder?.[name]
  const list: unknown[] = given !== null && typeof given === 'object' ? Object.values(given) : []
  if (list.length === 0) throw invalidArgument(name, given, 'a number for each column')
  return Float64Array.from(list, (value) => (typeof value === 'number' ? value : Number.NaN))
}

function notFitted(what: string): never {
  throw new SoftmarginError(
    'NOT_FITTED',
    `this StandardScaler is not fitted and has no ${what}; call fit(X) first`,
    {
      argument: what,
    },
  )
}
