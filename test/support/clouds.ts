import { Matrix } from '../../src/core/matrix.ts'
import { noise } from './random.ts'

/** Rows with 6 columns in overlapping clouds, one per class, in no order of classes; some numbers are 0. */
export function clouds(rows: number, classes: number, from: number): { X: Matrix; codes: number[] } {
  const cols = 6
  const codes = Array.from({ length: rows }, (_, i) => (i * 7 + (i >> 3)) % classes)
  const data = Float32Array.from({ length: rows * cols }, (_, at) => {
    const code = codes[Math.floor(at / cols)]
    const value = noise(from + at) + (at % cols === code % cols ? 0.6 : 0)
    return Math.abs(value) < 0.1 ? 0 : value
  })
  return { X: new Matrix(data, rows, cols), codes }
}
