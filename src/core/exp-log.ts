// exp and log from additions, multiplications and divisions alone. Math.exp and Math.log differ between hosts in
// their last bits, and the probabilities depend on these functions.

/** ln 2 in two parts. A product of a small integer and the first part is exact. */
const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10

const bits = new DataView(new ArrayBuffer(8))

/** 2^n for n from -1022 to 1023. */
function powerOfTwo(n: number): number {
  bits.setUint32(0, (n + 1023) << 20)
  bits.setUint32(4, 0)
  return bits.getFloat64(0)
}

/** e^x, within 2 units in the last place. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY
  if (x < -745.2) return 0
  const n = Math.round(x * Math.LOG2E)
  const r = x - n * LN2_HIGH - n * LN2_LOW
  // Taylor series on [-ln 2 / 2, ln 2 / 2].
  let sum = 1
  for (let k = 14; k > 0; k--) sum = 1 + (sum * r) / k
  // Scale in two steps, because a single power of two cannot be below 2^-1022 or above 2^1023.
  const half = Math.trunc(n / 2)
  return sum * powerOfTwo(half) * powerOfTwo(n - half)
}

/** The natural logarithm, within 2 units in the last place. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN
  if (x === Number.POSITIVE_INFINITY) return x
  let n = 0
  let m = x
  // Scale subnormal numbers up, because their exponent bits are 0.
  if (m < powerOfTwo(-1022)) {
    m *= powerOfTwo(54)
    n = -54
  }
  bits.setFloat64(0, m)
  n += (bits.getUint32(0) >>> 20) - 1023
  bits.setUint32(0, (bits.getUint32(0) & 0xfffff) | 0x3ff00000)
  m = bits.getFloat64(0)
  if (m > Math.SQRT2) {
    m /= 2
    n++
  }
  // log((1 + s) / (1 - s)) = 2 (s + s^3 / 3 + s^5 / 5 + ...)
  const s = (m - 1) / (m + 1)
  const square = s * s
  let sum = 0
  for (let k = 25; k > 1; k -= 2) sum = sum * square + 1 / k
  return n * LN2_HIGH + (2 * s * square * sum + n * LN2_LOW + 2 * s)
}
