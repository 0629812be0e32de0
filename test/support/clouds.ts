import { Matrix } from '../../src/core/matrix.ts'

/** A number from -1 to 1 that looks random. */
const noise = (i: number) => {
  const x = Math.sin(i * 78.233) * 43758.5453
  return 2 * (x - Math.floor(x)) - 1
}

/** Clouds of rows of 6 columns that overlap, one a class, whose classes come in no order; some numbers are 0. */
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
