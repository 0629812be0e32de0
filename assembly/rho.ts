import { Problem } from './problem'

/**
 * rho of the decision function, as in LIBSVM: the mean of F over the free points or, if there are none, the midpoint of
 * the interval that the bounds allow. NaN or infinite if kernel values are.
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
    // The minimum and maximum passes over F ignore NaN, so it must be detected here.
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
  // Only one side of the interval is bounded: take that bound.
  if (largest == f64.NEGATIVE_INFINITY) return least
  if (least == f64.POSITIVE_INFINITY) return largest
  return (least + largest) / 2
}
