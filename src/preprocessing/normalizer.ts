import { invalidArgument } from '../core/errors.ts'
import { checkFinite, Matrix, type MatrixLike } from '../core/matrix.ts'

/** What a row is divided by: the root of its squares' sum, the sum of its sizes, or its largest size. */
export type Norm = 'l2' | 'l1' | 'max'

const norms: Record<Norm, (row: Float32Array) => number> = {
  l2: (row) => Math.sqrt(row.reduce((sum, x) => sum + x * x, 0)),
  l1: (row) => row.reduce((sum, x) => sum + Math.abs(x), 0),
  max: (row) => row.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
}

/** Brings every row to length 1, each by itself. Rows of zeros stay as they are. */
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

  /** Nothing is learnt: only checks the rows. @throws {SoftmarginError} as `transform` */
  async fit(X: MatrixLike): Promise<this> {
    checkFinite(Matrix.from(X))
    return this
  }

  /**
   * The rows, each of length 1; `X` stays as it is.
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

  /** `transform`, under the name that all scalers share. */
  async fitTransform(X: MatrixLike): Promise<Matrix> {
    return this.transform(X)
  }
}
