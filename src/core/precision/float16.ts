// IEEE 754 half-precision numbers. JavaScript has no array of them on all hosts, so they are kept as bit patterns.

/** How numbers are kept: as they are, or rounded, in half of the memory. */
export type Precision = 'float32' | 'float16'

/** Bytes of a kept number. */
export const bytesOf: Record<Precision, number> = { float32: 4, float16: 2 }

/** Converts a bit pattern to a number. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The largest float16. */
const LARGEST = 65504

/**
 * Rounds numbers to the nearest float16, to the even one of two. Numbers beyond the largest float16 become it.
 *
 * @param to as many bit patterns as `from` has numbers
 */
export function toHalves(from: Float32Array, to: Uint16Array): void {
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

/** Writes the number of each bit pattern. @param to of at least the length of `from` */
export function fromHalves(from: Uint16Array, to: Float32Array): void {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => fromHalf(bits))
  for (let i = 0; i < from.length; i++) to[i] = table[from[i]]
}
