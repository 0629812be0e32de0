import { fromHalf } from '../../onnx/graph/float-data.ts'

/** How numbers are kept between epochs: as they are, or rounded to half of the memory. */
export type Precision = 'float32' | 'float16'

/** Bytes of a kept number. */
export const bytesOf: Record<Precision, number> = { float32: 4, float16: 2 }

/** Rows of numbers of the same length. */
export interface KeptRows {
  /** Keeps rows from the row `first` on. */
  put(rows: Float32Array, first: number): void
  /** Writes a row to the start of `to`. */
  take(row: number, to: Float32Array): void
}

/** @param length of a row */
export function keptRows(rows: number, length: number, precision: Precision): KeptRows {
  if (precision === 'float32') {
    const all = new Float32Array(rows * length)
    return {
      put: (some, first) => all.set(some, first * length),
      take: (row, to) => to.set(all.subarray(row * length, (row + 1) * length)),
    }
  }
  const all = new Uint16Array(rows * length)
  const numbers = floatsOfHalves()
  return {
    put: (some, first) => toHalves(some, all.subarray(first * length, first * length + some.length)),
    take: (row, to) => {
      for (let i = 0, at = row * length; i < length; i++, at++) to[i] = numbers[all[at]]
    },
  }
}

/** The largest float16; numbers beyond it are kept as it. */
const LARGEST = 65504

/** Rounds numbers to the nearest float16, to the even one of two. */
function toHalves(from: Float32Array, to: Uint16Array): void {
  const number = new Float32Array(1)
  const bits = new Uint32Array(number.buffer)
  for (let i = 0; i < from.length; i++) {
    number[0] = Math.max(-LARGEST, Math.min(LARGEST, from[i]))
    const sign = (bits[0] >>> 16) & 0x8000
    const rest = bits[0] & 0x7fffffff
    // Below the smallest normal float16, adding 0.5 makes float32 addition round to the float16 step.
    if (rest < 0x38800000) {
      number[0] = Math.abs(number[0]) + 0.5
      to[i] = sign | (bits[0] - 0x3f000000)
    } else if (rest > 0x7f800000) to[i] = 0x7e00
    // 0x38000000 is 112 << 23, the difference of the exponent biases; 0xfff + the lowest kept bit rounds ties to even.
    else to[i] = sign | ((rest - 0x38000000 + 0xfff + ((rest >>> 13) & 1)) >>> 13)
  }
}

let table: Float32Array | undefined

/** The number of each float16 bit pattern. */
function floatsOfHalves(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => fromHalf(bits))
  return table
}
