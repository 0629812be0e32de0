import { invalidArgument } from '../core/errors.ts'
import { checkFinite, Matrix, type MatrixLike } from '../core/matrix.ts'

/** The norm to divide a row by: Euclidean (`l2`), sum of absolute values (`l1`) or largest absolute value (`max`). */
export type Norm = 'l2' | 'l1' | 'max'

const norms: Record<Norm, (row: Float32Array) => number> = {
  l2: (row) => Math.sqrt(row.reduce((sum, x) => sum + x * x, 0)),
  l1: (row) => row.reduce((sum, x) => sum + Math.abs(x), 0),
  max: (row) => row.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
}

/** Scales each row to norm 1, independently of the others. Rows of zeros are left unchanged. */
export class Normalizer {
  readonly norm: Norm

  /**
   * @param o.norm default `'l2'`
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for an unknown norm
   */
  constructor(o: { norm?: Norm | undefined } = {}) {
    this.norm = o.norm ?? 'l2'
    if (!Object.hasOwn(norms, this.norm)) throw invalidArgument('norm', o.norm, "'l2', 'l1' or 'max'")
  }

  /**
   * Only checks the rows: a normalizer has nothing to fit.
   *
   * @throws {SoftmarginError} as `transform`
   */
  async fit(X: MatrixLike): Promise<this> {
    checkFinite(Matrix.from(X))
    return this
  }

  /**
   * Returns the rows scaled to norm 1, rows x columns. `X` is not changed.
   *
   * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `NOT_FINITE`, `INVALID_ARGUMENT`
   */
  async transform(X: MatrixLike): Promise<Matrix> {
    const matrix = Matrix.from(X)
    checkFinite(matrix)
    const scaled = new Matrix(matrix.data.slice(), matrix.rows, matrix.cols)
    for (let i = 0; i < scaled.rows; i++) {
      const row = scaled.row(i)
      const norm = norms[this.norm](row)
      if (norm > 0) for (let j = 0; j < row.length; j++) row[j] /= norm
    }
    return scaled
  }

  /**
   * Same as `transform`, for interchangeable use with other scalers.
   *
   * @throws {SoftmarginError} as `transform`
   */
  async fitTransform(X: MatrixLike): Promise<Matrix> {
    return this.transform(X)
  }
}
