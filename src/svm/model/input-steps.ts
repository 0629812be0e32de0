import { checkFinite, Matrix } from '../../core/matrix.ts'

/**
 * What a machine that comes from a file does to a row before it sees it, in the arithmetic of the ONNX operator
 * of that name: all in float32.
 */
export type InputStep =
  /** `(x - offset) * scale`, a number for each column. */
  | { kind: 'scaler'; offset: Float32Array; scale: Float32Array }
  /** Divides each row by its norm. */
  | { kind: 'normalizer'; norm: 'l1' | 'l2' | 'max' }

/**
 * The rows after all steps; `X` stays as it is.
 *
 * @throws {SoftmarginError} `NOT_FINITE` where a step leaves float32
 */
export function applyInputSteps(X: Matrix, steps: readonly InputStep[] = []): Matrix {
  if (steps.length === 0) return X
  const out = new Matrix(X.data.slice(), X.rows, X.cols)
  for (const step of steps) {
    for (let i = 0; i < out.rows; i++) {
      if (step.kind === 'scaler') scale(out.row(i), step)
      else normalize(out.row(i), step.norm)
    }
  }
  checkFinite(out, 'X, after the steps before the machine,')
  return out
}

function scale(row: Float32Array, { offset, scale }: { offset: Float32Array; scale: Float32Array }): void {
  for (let k = 0; k < row.length; k++) row[k] = Math.fround(row[k] - offset[k]) * scale[k]
}

/**
 * As ONNX Runtime does: sums in float32; `max` is the greatest number, not the greatest size, so that it may be
 * below 0; a row whose norm is 0 stays as it is.
 */
function normalize(row: Float32Array, norm: 'l1' | 'l2' | 'max'): void {
  let size = norm === 'max' ? Number.NEGATIVE_INFINITY : 0
  for (const value of row) {
    if (norm === 'max') size = Math.max(size, value)
    else size = Math.fround(size + (norm === 'l1' ? Math.abs(value) : Math.fround(value * value)))
  }
  if (size === 0) return
  if (norm !== 'l2') for (let k = 0; k < row.length; k++) row[k] /= size
  else {
    for (let k = 0; k < row.length; k++) {
      const root = Math.sqrt(Math.fround(Math.fround(row[k] * row[k]) / size))
      row[k] = row[k] < 0 ? -root : root
    }
  }
}
