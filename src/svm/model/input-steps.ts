import { checkFinite, Matrix } from '../../core/matrix.ts'
import type { InputStep } from './input-step.ts'

/**
 * Returns the rows after all steps. `X` is not changed.
 *
 * @throws {SoftmarginError} `NOT_FINITE` if a result is beyond float32
 */
export function applyInputSteps(X: Matrix, steps: readonly InputStep[]): Matrix {
  const out = new Matrix(X.data.slice(), X.rows, X.cols)
  for (const step of steps) {
    for (let i = 0; i < out.rows; i++) {
      if (step.kind === 'scaler') scale(out.row(i), step)
      else normalize(out.row(i), step.norm)
    }
  }
  checkFinite(out, 'X, after the preprocessing steps of the model,')
  return out
}

function scale(row: Float32Array, { offset, scale }: { offset: Float32Array; scale: Float32Array }): void {
  for (let k = 0; k < row.length; k++) row[k] = Math.fround(row[k] - offset[k]) * scale[k]
}

/**
 * Computes like ONNX Runtime. Sums are float32. `max` is the largest value, not the largest absolute value, so it may
 * be negative. A row with norm 0 is left unchanged.
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
