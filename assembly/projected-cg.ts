// Projected conjugate gradients over the free points (those strictly between their bounds).
//
// SMO changes two points at a time. If the kernel matrix is ill-conditioned (a linear kernel with more rows than
// columns, a large C), SMO needs hundreds of thousands of steps after it has identified which points are at a bound.
// It is then faster to minimise over all free points at once: conjugate gradients on the free points, projected back
// into the box, repeated while points reach their bounds. SMO continues from there, lets points leave their bounds, and
// decides when the optimum is reached.
//
// After J. J. More, G. Toraldo, "On the solution of large quadratic programming problems with bound
// constraints", SIAM J. Optimization 1 (1991), and L. Zanni, T. Serafini, G. Zanghirati, "Parallel software for
// training large scale support vector machines on multiprocessor systems", JMLR 7 (2006).

import { madd } from './simd'
import { catchUp } from './gradient'
import { Problem, setMoves } from './problem'
import { rescan } from './update-gradient'

/**
 * Rounds of conjugate gradients and projection per call, and matrix-vector products per round. Both are small because
 * the set of free points is seldom final, and a more accurate minimum over the wrong set is wasted work.
 */
const ROUNDS: i32 = 3
const PRODUCTS: i32 = 30
/** Relative rounding error of a float64 result: a few units in the last place. */
const ROUNDING: f64 = 1e-15
/** Returned instead of a count if the step was not taken because rounding errors would have determined it. */
export const LOST: i32 = -1
/** Bound of the relative error of a float32 kernel value, which is rounded several times. */
const UNIT: f64 = 1.0 / 4194304.0 // 2^-22

// Addresses of arrays in scratch, set by `layOut`: indexes of the free points (i32), K restricted to them (f32), and
// vectors (f64, except `direction` in f32).
let points: usize = 0
let matrix: usize = 0
let direction: usize = 0
let beta: usize = 0
let gradient: usize = 0
let lower: usize = 0
let upper: usize = 0
let change: usize = 0
let residual: usize = 0
let product: usize = 0
/** f64 per point: 1 if it is strictly between its bounds, else 0. */
let free: usize = 0
let count: i32 = 0
/** Row length of `matrix` in elements: `count` padded to a multiple of 8. */
let width: i32 = 0

/** Bytes of scratch that `projectedCgStep` needs for at most `limit` free points. */
export function projectedCgBytes(limit: i32): usize {
  width = (limit + 7) & ~7
  return layOut(0)
}

/** Sets the addresses of the arrays for rows of `width` elements and returns the end of the last one. */
function layOut(scratch: usize): usize {
  const bytes = <usize>width * 8
  points = scratch
  direction = points + <usize>width * 4
  beta = direction + <usize>width * 4
  gradient = beta + bytes
  lower = gradient + bytes
  upper = lower + bytes
  change = upper + bytes
  residual = change + bytes
  product = residual + bytes
  free = product + bytes
  matrix = free + bytes
  return matrix + <usize>width * <usize>width * 4
}

// @ts-ignore: decorator
@inline
function at(array: usize, k: i32): f64 {
  return f64.load(array + <usize>k * 8)
}

// @ts-ignore: decorator
@inline
function put(array: usize, k: i32, value: f64): void {
  f64.store(array + <usize>k * 8, value)
}

/**
 * Collects the free points whose rows are in memory and copies their values and the matrix between them to scratch;
 * false if there are fewer than 2 or more than `limit`.
 */
function gather(p: Problem, scratch: usize, limit: i32): bool {
  let found = 0
  for (let k = 0; k < p.size; k++) {
    if (!isFree(p, k)) continue
    if (found == limit) return false
    found++
  }
  if (found < 2) return false
  count = found
  width = (found + 7) & ~7
  layOut(scratch)
  memory.fill(scratch, 0, matrix - scratch)
  for (let k = 0, n = 0; k < p.size; k++) {
    if (!isFree(p, k)) continue
    i32.store(points + <usize>n * 4, k)
    put(beta, n, f64.load(p.beta + <usize>k * 8))
    // While the float64 gradient is out of date, F in float32 is accurate enough.
    const at = <usize>k * 4
    put(
      gradient,
      n,
      p.float32Gradient ? <f64>f32.load(p.shifted + at) : f64.load(p.gradient + at + at) - p.shift,
    )
    put(lower, n, f64.load(p.lower + <usize>k * 8))
    put(upper, n, f64.load(p.upper + <usize>k * 8))
    n++
  }
  const end = points + <usize>count * 4
  let others = points
  while (others < end && i32.load(others) < p.split) others += 4
  for (let n = 0; n < count; n++) {
    const k = i32.load(points + <usize>n * 4)
    const first = load<usize>(p.firstRow + <usize>k * 4)
    const second = load<usize>(p.secondRow + <usize>k * 4) - <usize>p.split * 4
    let out = matrix + <usize>n * width * 4
    let m = points
    for (; m < others; m += 4) {
      f32.store(out, f32.load(first + <usize>i32.load(m) * 4))
      out += 4
    }
    for (; m < end; m += 4) {
      f32.store(out, f32.load(second + <usize>i32.load(m) * 4))
      out += 4
    }
    for (let m = count; m < width; m++) {
      f32.store(out, 0)
      out += 4
    }
  }
  memory.fill(matrix + <usize>count * width * 4, 0, <usize>(width - count) * width * 4)
  return true
}

// @ts-ignore: decorator
@inline
function isFree(p: Problem, k: i32): bool {
  return (
    f32.load(p.up + <usize>k * 4) == 0 &&
    f32.load(p.down + <usize>k * 4) == 0 &&
    load<usize>(p.firstRow + <usize>k * 4) != 0
  )
}

/** product = K direction. Four rows at a time with two accumulators each, to hide the latency of the additions. */
function multiply(): void {
  const bytes = <usize>width * 4
  for (let n = 0; n < width; n += 4) {
    const row0 = matrix + <usize>n * bytes
    const row1 = row0 + bytes
    const row2 = row1 + bytes
    const row3 = row2 + bytes
    let sum0 = f32x4.splat(0)
    let sum1 = f32x4.splat(0)
    let sum2 = f32x4.splat(0)
    let sum3 = f32x4.splat(0)
    let odd0 = f32x4.splat(0)
    let odd1 = f32x4.splat(0)
    let odd2 = f32x4.splat(0)
    let odd3 = f32x4.splat(0)
    for (let k: usize = 0; k < bytes; k += 32) {
      const d = v128.load(direction + k)
      sum0 = madd(v128.load(row0 + k), d, sum0)
      sum1 = madd(v128.load(row1 + k), d, sum1)
      sum2 = madd(v128.load(row2 + k), d, sum2)
      sum3 = madd(v128.load(row3 + k), d, sum3)
      const e = v128.load(direction + k, 16)
      odd0 = madd(v128.load(row0 + k, 16), e, odd0)
      odd1 = madd(v128.load(row1 + k, 16), e, odd1)
      odd2 = madd(v128.load(row2 + k, 16), e, odd2)
      odd3 = madd(v128.load(row3 + k, 16), e, odd3)
    }
    put(product, n, horizontalSum(f32x4.add(sum0, odd0)))
    put(product, n + 1, horizontalSum(f32x4.add(sum1, odd1)))
    put(product, n + 2, horizontalSum(f32x4.add(sum2, odd2)))
    put(product, n + 3, horizontalSum(f32x4.add(sum3, odd3)))
  }
}

// @ts-ignore: decorator
@inline
function horizontalSum(v: v128): f64 {
  return (
    <f64>f32x4.extract_lane(v, 0) +
    <f64>f32x4.extract_lane(v, 1) +
    (<f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3))
  )
}

/**
 * Projects `vector` onto the feasible directions: zeroes the entries that are not free and subtracts the mean from the
 * rest, so that the sum of b is preserved. Returns the squared norm.
 */
function project(vector: usize): f64 {
  let sum: f64 = 0
  let members: f64 = 0
  for (let n = 0; n < count; n++) {
    sum += at(vector, n) * at(free, n)
    members += at(free, n)
  }
  const mean = members > 0 ? sum / members : 0
  let square: f64 = 0
  for (let n = 0; n < count; n++) {
    const value = (at(vector, n) - mean) * at(free, n)
    put(vector, n, value)
    square += value * value
  }
  return square
}

/**
 * change = the step to the approximate minimum over the free points, ignoring bounds, by conjugate gradients. False if
 * there is nothing to gain.
 */
function descend(tolerance: f64): bool {
  for (let n = 0; n < count; n++) {
    const inside = at(beta, n) > at(lower, n) && at(beta, n) < at(upper, n)
    put(free, n, inside ? 1 : 0)
    put(change, n, 0)
    put(residual, n, -at(gradient, n))
  }
  let square = project(residual)
  const enough = max(square * 1e-3, tolerance * tolerance * 1e-2)
  if (square <= enough) return false
  for (let n = 0; n < count; n++) f32.store(direction + <usize>n * 4, <f32>at(residual, n))
  for (let turn = 0; turn < PRODUCTS; turn++) {
    multiply()
    let curvature: f64 = 0
    for (let n = 0; n < count; n++) curvature += <f64>f32.load(direction + <usize>n * 4) * at(product, n)
    // The curvature is lost in rounding: stop.
    if (!(curvature > square * 1e-9)) return turn > 0
    const length = square / curvature
    for (let n = 0; n < count; n++) {
      put(change, n, at(change, n) + length * <f64>f32.load(direction + <usize>n * 4))
      put(residual, n, at(residual, n) - length * at(product, n))
    }
    const next = project(residual)
    if (next <= enough) break
    const ratio = next / square
    for (let n = 0; n < count; n++) {
      const d = at(residual, n) + ratio * <f64>f32.load(direction + <usize>n * 4)
      f32.store(direction + <usize>n * 4, <f32>d)
    }
    square = next
  }
  return true
}

/**
 * residual = P(b + length * change) - b, where P projects onto the box intersected with the plane of equal sum. Returns
 * whether any point reached a bound.
 *
 * The projection is clip(b + length * change - mu). Its sum is piecewise linear and decreasing in mu, so mu is found by
 * Newton's method safeguarded by bisection.
 */
function clipTo(length: f64): bool {
  let reach: f64 = 0
  for (let n = 0; n < count; n++) reach = max(reach, abs(at(change, n)) * length)
  let low = -reach
  let high = reach
  let mu: f64 = 0
  for (let turn = 0; turn < 60; turn++) {
    let excess: f64 = 0
    let inside: f64 = 0
    for (let n = 0; n < count; n++) {
      const wish = at(beta, n) + length * at(change, n) - mu
      const to = min(max(wish, at(lower, n)), at(upper, n))
      excess += (to - at(beta, n)) * at(free, n)
      inside += to == wish ? at(free, n) : 0
    }
    if (abs(excess) <= reach * 1e-13) break
    if (excess > 0) low = mu
    else high = mu
    // Exact if no further point reaches a bound in between.
    const guess = inside > 0 ? mu + excess / inside : low
    const next = guess > low && guess < high ? guess : (low + high) / 2
    if (next == mu) break
    mu = next
  }
  let sum: f64 = 0
  let hit = false
  for (let n = 0; n < count; n++) {
    let moved: f64 = 0
    if (at(free, n) != 0) {
      const wish = at(beta, n) + length * at(change, n) - mu
      const to = min(max(wish, at(lower, n)), at(upper, n))
      hit = hit || to != wish
      moved = to - at(beta, n)
    }
    put(residual, n, moved)
    sum += moved
  }
  // The remaining rounding error of the sum is assigned to a point that stays within its bounds.
  for (let n = 0; n < count && sum != 0; n++) {
    const to = at(beta, n) + at(residual, n) - sum
    if (at(free, n) != 0 && to > at(lower, n) && to < at(upper, n)) {
      put(residual, n, at(residual, n) - sum)
      sum = 0
    }
  }
  return hit
}

/** Returns the largest |b| of the free points, before the step or after it. */
function largestBeta(): f64 {
  let largest: f64 = 0
  for (let n = 0; n < count; n++) {
    const b = at(beta, n)
    largest = max(largest, max(abs(b), abs(b + at(residual, n))))
  }
  return largest
}

/**
 * b + residual, snapped to a bound that it misses only by a rounding error. The tolerance is a share of the width of the
 * box, but no more than the rounding errors of all b may add up to: where C is huge compared to b, the share of the box
 * would exceed b itself, and every b would become 0.
 */
function settled(n: i32, largest: f64): f64 {
  const low = at(lower, n)
  const high = at(upper, n)
  const to = at(beta, n) + at(residual, n)
  const rounding = min(high - low, largest * <f64>count) * ROUNDING
  return to > high - rounding ? high : to < low + rounding ? low : to
}

/**
 * One round: a conjugate gradient step, projected, with backtracking until the objective decreases. True if points
 * reached their bounds, in which case another round is worthwhile.
 */
function round(tolerance: f64): bool {
  if (!descend(tolerance)) return false
  let length: f64 = 1
  for (let turn = 0; turn < 12; turn++) {
    const hit = clipTo(length)
    for (let n = 0; n < count; n++) f32.store(direction + <usize>n * 4, <f32>at(residual, n))
    multiply()
    let gained: f64 = 0
    for (let n = 0; n < count; n++) gained += at(residual, n) * (at(gradient, n) + at(product, n) / 2)
    if (gained < 0) {
      const largest = largestBeta()
      for (let n = 0; n < count; n++) {
        put(beta, n, settled(n, largest))
        put(gradient, n, at(gradient, n) + at(product, n))
      }
      return hit
    }
    length /= 4
  }
  return false
}

/** Estimates by how much rounding of the kernel values changes K b, for the new b of the free points. */
function expectedError(p: Problem): f64 {
  let squares: f64 = 0
  let sum: f64 = 0
  let sized: f64 = 0
  for (let k = 0, n = 0; k < p.size; k++) {
    const isNext = n < count && i32.load(points + <usize>n * 4) == k
    const b = isNext ? at(beta, n++) : f64.load(p.beta + <usize>k * 8)
    const size = <f64>abs(f32.load(p.diagonal + <usize>k * 4))
    squares += b * b * size
    sum += size
    sized += size > 0 ? 1 : 0
  }
  return sized > 0 ? UNIT * sqrt((squares * sum) / sized) : 0
}

/**
 * Minimises over the free points whose rows are in memory, stores the result in the problem and makes the gradient
 * exact. Returns the number of free points; 0, with nothing changed, if there are fewer than 2 or more than `limit`.
 *
 * Along a direction in which the kernel matrix is flat, only the rounding errors of its values limit the length of the
 * step. If no bound is near enough to end it, b may become so large that K b consists of rounding errors. Such a step
 * is not taken, and LOST is returned.
 *
 * @param scratch `projectedCgBytes(limit)` bytes
 * @param mostError the largest acceptable change of K b by rounding, compared with an estimate
 */
export function projectedCgStep(problem: usize, scratch: usize, limit: i32, mostError: f64): i32 {
  const p = changetype<Problem>(problem)
  if (!gather(p, scratch, limit)) return 0
  for (let turn = 0; turn < ROUNDS; turn++) {
    if (!round(p.tolerance)) break
  }
  if (expectedError(p) > mostError) return LOST
  for (let n = 0; n < count; n++) {
    const k = i32.load(points + <usize>n * 4)
    const delta = at(beta, n) - f64.load(p.beta + <usize>k * 8)
    if (delta == 0) continue
    f64.store(p.beta + <usize>k * 8, at(beta, n))
    setMoves(p, k)
  }
  catchUp(p)
  rescan(p)
  return count
}
