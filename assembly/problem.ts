/** The problem, laid out by src/engine/dual/dual-problem.ts: keep the two in step. */
export class Problem {
  /** Points in all and in the first run; multiples of 8. */
  size: i32
  split: i32
  /** f64: F, b, lower, upper. */
  gradient: usize
  beta: usize
  lower: usize
  upper: usize
  /** f32: F - shift; 0 or +infinity for who may (not) go up; 0 or -infinity for who may (not) go down; K(k, k). */
  shifted: usize
  up: usize
  down: usize
  diagonal: usize
  /** u32 a point: where the two runs of its kernel row are, 0 if they are not in memory. */
  firstRow: usize
  secondRow: usize
  /** The point i of the next step. */
  next: i32
  /** The point whose row is missing when `solve` answers NEEDS_ROW; the other point of the step, or -1. */
  wanted: i32
  held: i32
  /** i32 a point: the iteration that last used its row. */
  used: usize
  tolerance: f64
  shift: f64
  /** Half-way between the least F that may go up and the largest that may go down, less the shift. */
  middle: f64
  /** Largest violation of the optimality conditions. */
  gap: f64
  iterations: f64
  /** The iteration at which `counted` was b. */
  caughtUp: f64
  /** Sum of the squares of what hasty steps since then may have cost F. */
  squaredDrift: f64
  /** f64: b, as far as the gradient counts it. */
  counted: usize
  /** f32: what part of its gain counts when j is chosen: 0 if it may not go down. */
  weight: usize
  largestDiagonal: f32
  /** 0 where the path decides the optimum: there it is LIBSVM's. Else rows that are in memory, and speed, may decide it. */
  pathIsFree: i32
  /** Whether a row that is in memory stays there. */
  keepsRows: i32
  /** Whether F is kept in float32 alone. */
  float32Gradient: i32
  /** Whether points whose rows are in memory are preferred: `pathIsFree`, but not after a step that changed nothing. */
  prefersPresent: i32
}

/** Who may go up and who may go down follows from b and its bounds. */
export function setMoves(p: Problem, k: i32): void {
  const at = <usize>k * 4
  const beta = f64.load(p.beta + at + at)
  f32.store(p.up + at, beta < f64.load(p.upper + at + at) ? 0 : f32.POSITIVE_INFINITY)
  const falls = beta > f64.load(p.lower + at + at)
  f32.store(p.down + at, falls ? 0 : f32.NEGATIVE_INFINITY)
  f32.store(p.weight + at, falls ? 1 : 0)
}

// @ts-ignore: decorator
@inline
export function lacksRow(p: Problem, k: i32): bool {
  return load<usize>(p.firstRow + <usize>k * 4) == 0
}
