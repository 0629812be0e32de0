import { Problem } from './problem'

/**
 * rho of the decision function: the mean of F over the free points, or the middle of what the bounds allow, as in
 * LIBSVM. NaN or infinite if the kernel values are.
 */
export function threshold(problem: usize): f64 {
  const p = changetype<Problem>(problem)
  let free = 0
  let sum: f64 = 0
  let least = f64.POSITIVE_INFINITY
  let largest = f64.NEGATIVE_INFINITY
  for (let k = 0; k < p.size; k++) {
    const at = <usize>k * 8
    const beta = f64.load(p.beta + at)
    const f = f64.load(p.gradient + at)
    const rises = beta < f64.load(p.upper + at)
    const falls = beta > f64.load(p.lower + at)
    // The passes over F leave out what is no number.
    if ((rises || falls) && !isFinite(f)) return f64.NaN
    if (rises && falls) {
      free++
      sum += f
    } else if (rises) {
      least = min(least, f)
    } else if (falls) {
      largest = max(largest, f)
    }
  }
  if (free > 0) return sum / <f64>free
  // One side alone: the decision is that side's own.
  if (largest == f64.NEGATIVE_INFINITY) return least
  if (least == f64.POSITIVE_INFINITY) return largest
  return (least + largest) / 2
}
