/** The dual problem and the solver's state. TypeScript reads and writes the fields (src/engine/dual/dual-problem.ts). */
export class Problem {
  /** Number of points in total and in the first run, both with padding; multiples of 8. */
  size: i32
  split: i32
  /** f64 per point: F, b, and the lower and upper bound of b. */
  gradient: usize
  beta: usize
  lower: usize
  upper: usize
  /**
   * f32 per point: F - shift; `up` is 0 if b may increase, else +infinity; `down` is 0 if b may decrease, else
   * -infinity; K(k, k).
   */
  shifted: usize
  up: usize
  down: usize
  diagonal: usize
  /** u32 per point: addresses of the two runs of its kernel row; 0 if the row is not in memory. */
  firstRow: usize
  secondRow: usize
  /** The point i of the next step (the smallest F among points whose b may increase). */
  next: i32
  /** After `solve` returned NEEDS_ROW: the point whose row is missing, and the other point of the step or -1. */
  wanted: i32
  held: i32
  /** i32 per point: the iteration that last used its row. */
  used: usize
  tolerance: f64
  shift: f64
  /** Midpoint of the smallest F of a point whose b may increase and the largest of one whose b may decrease, minus `shift`. */
  middle: f64
  /** Largest violation of the optimality conditions. */
  gap: f64
  iterations: f64
  /** The iteration at which `counted` last equalled b. */
  caughtUp: f64
  /** Sum of the squared rounding errors that float32 updates may have added to F since the last exact scan. */
  squaredDrift: f64
  /** f64 per point: the b that the float64 gradient corresponds to. */
  counted: usize
  /** f32 per point: factor for its gain when j is selected; 0 if the point may not go down. */
  weight: usize
  largestDiagonal: f32
  /**
   * 0 if the result may depend on the path of the search (kernel not positive definite): then working sets are selected
   * exactly as in LIBSVM. Otherwise the selection may favour rows that are in memory, and the gradient may be float32.
   */
  pathIsFree: i32
  /** Whether a row, once in memory, stays there for the rest of the problem. */
  keepsRows: i32
  /** Whether F is currently updated in float32 only (`shifted`). */
  float32Gradient: i32
  /** Whether points whose rows are in memory are preferred: `pathIsFree`, except after a step that changed nothing. */
  prefersPresent: i32
}

/** Derives from b and its bounds whether point k may go up or down; sets `up`, `down` and `weight`. */
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
