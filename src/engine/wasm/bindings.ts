// Written by scripts/engine-bindings.js from assembly/ in every build. Change assembly/ instead.

/** Byte offsets of the fields of `class Problem` in assembly/problem.ts, and its size. */
export const PROBLEM = {
  size: 0, // i32
  split: 4, // i32
  gradient: 8, // usize
  beta: 12, // usize
  lower: 16, // usize
  upper: 20, // usize
  shifted: 24, // usize
  up: 28, // usize
  down: 32, // usize
  diagonal: 36, // usize
  firstRow: 40, // usize
  secondRow: 44, // usize
  next: 48, // i32
  wanted: 52, // i32
  held: 56, // i32
  used: 60, // usize
  tolerance: 64, // f64
  shift: 72, // f64
  middle: 80, // f64
  gap: 88, // f64
  iterations: 96, // f64
  caughtUp: 104, // f64
  squaredDrift: 112, // f64
  counted: 120, // usize
  weight: 124, // usize
  largestDiagonal: 128, // f32
  pathIsFree: 132, // i32
  keepsRows: 136, // i32
  float32Gradient: 140, // i32
  prefersPresent: 144, // i32
  bytes: 148,
} as const

/** Byte offsets of the fields of `class Kernel` in assembly/kernel.ts, and its size. */
export const KERNEL = {
  kind: 0, // i32
  degree: 4, // i32
  gamma: 8, // f64
  coef0: 16, // f64
  lessOne: 24, // i32
  bytes: 28,
} as const

/** Byte offsets of the fields of `class Totals` in assembly/column-stats.ts, and its size. */
export const TOTALS = {
  shift: 0, // f64
  squares: 8, // f64
  largest: 16, // f64
  notFinite: 24, // i32
  bytes: 28,
} as const

// assembly/simd.ts
export const TILE_COLS = 8

// assembly/kernel.ts
export const LINEAR = 0
export const POLY = 1
export const RBF = 2
export const SIGMOID = 3

// assembly/smo.ts
export const SLICE_DONE = 0
export const CONVERGED = 1
export const NEEDS_ROW = 2
export const STALLED = 3
export const NOT_FINITE = 4

// assembly/projected-cg.ts
export const LOST = -1

/**
 * The exports of assembly/index.ts. Each is documented at its definition. Addresses and strides are in bytes; the layouts
 * of panels and strips are described in assembly/gemm.ts.
 */
export interface EngineExports {
  readonly TILE_ROWS: { value: number }
  readonly SCRATCH_BYTES: { value: number }
  addRow(out: number, row: number, length: number, factor: number): void
  join(row: number, stretches: number, count: number, out: number): void
  transpose(
    source: number,
    sourceStride: number,
    rows: number,
    cols: number,
    out: number,
    outStride: number,
  ): void
  projectedCgBytes(limit: number): number
  projectedCgStep(problem: number, scratch: number, limit: number, mostError: number): number
  preciseBlock(
    kernel: number,
    strips: number,
    rowOffsets: number,
    rows: number,
    panels: number,
    colOffsets: number,
    cols: number,
    width: number,
    out: number,
    stride: number,
    wide: boolean,
  ): void
  preciseSums(
    kernel: number,
    stride: number,
    rows: number,
    length: number,
    weights: number,
    columns: number,
    out: number,
    outStride: number,
  ): void
  breakOff(problem: number): void
  solve(problem: number, limit: number): number
  startProblem(problem: number): void
  threshold(problem: number): number
  violators(problem: number, indexes: number, limit: number, from: number, to: number): number
  selfProducts(panels: number, cols: number, width: number, out: number): void
  stripNorms(strips: number, rows: number, width: number, out: number): void
  useScratch(address: number): void
  gatherStrips(panels: number, indexes: number, rows: number, width: number, strips: number): void
  packPanel(source: number, rows: number, width: number, panel: number): void
  packStrips(source: number, rows: number, width: number, strips: number): void
  applyKernel(
    kernel: number,
    out: number,
    stride: number,
    rows: number,
    cols: number,
    rowNorms: number,
    colNorms: number,
  ): void
  kernelBlock(
    kernel: number,
    strips: number,
    rowNorms: number,
    rows: number,
    panels: number,
    colNorms: number,
    cols: number,
    width: number,
    out: number,
    stride: number,
  ): void
  columnStats(source: number, rows: number, width: number, sums: number, totals: number): void
  condition(source: number, rows: number, width: number, centre: number, scale: number): void
  exactSums(
    kernel: number,
    stride: number,
    rows: number,
    length: number,
    weights: number,
    columns: number,
    out: number,
    outStride: number,
  ): void
  exponential(x: number): number
  nearestDistances(
    dots: number,
    stride: number,
    rows: number,
    length: number,
    rowNorms: number,
    colNorms: number,
    members: number,
    out: number,
  ): void
  weightedSums(
    kernel: number,
    stride: number,
    rows: number,
    length: number,
    weights: number,
    columns: number,
    out: number,
    outStride: number,
  ): void
}
