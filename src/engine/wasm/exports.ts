/**
 * Types of the exports of assembly/index.ts, where each is documented at its definition. Addresses and strides are in
 * bytes; the layouts of panels and strips are described in assembly/gemm.ts.
 */
export interface EngineExports {
  /** Rows of a strip: 6 in the relaxed build, 5 in the strict one. */
  readonly TILE_ROWS: { value: number }
  readonly SCRATCH_BYTES: { value: number }
  useScratch(address: number): void
  survey(source: number, rows: number, width: number, shift: number, sums: number, facts: number): void
  condition(source: number, rows: number, width: number, centre: number, scale: number): void
  packPanel(source: number, rows: number, width: number, panel: number): void
  packStrips(source: number, rows: number, width: number, strips: number): void
  gatherStrips(panels: number, indexes: number, rows: number, width: number, strips: number): void
  selfProducts(panels: number, cols: number, width: number, out: number): void
  join(row: number, stretches: number, count: number, out: number): void
  stripNorms(strips: number, rows: number, width: number, out: number): void
  transpose(
    source: number,
    sourceStride: number,
    rows: number,
    cols: number,
    out: number,
    outStride: number,
  ): void
  applyKernel(
    out: number,
    stride: number,
    rows: number,
    cols: number,
    kind: number,
    gamma: number,
    coef0: number,
    degree: number,
    rowNorms: number,
    colNorms: number,
  ): void
  kernelBlock(
    strips: number,
    rowNorms: number,
    rows: number,
    panels: number,
    colNorms: number,
    cols: number,
    width: number,
    out: number,
    stride: number,
    kind: number,
    gamma: number,
    coef0: number,
    degree: number,
  ): void
  preciseBlock(
    strips: number,
    rowOffsets: number,
    rows: number,
    panels: number,
    colOffsets: number,
    cols: number,
    width: number,
    out: number,
    stride: number,
    kind: number,
    gamma: number,
    coef0: number,
    degree: number,
    lessOne: number,
    wide: number,
  ): void
  /** Like `weightedSums`, entirely in f64. */
  preciseSums: EngineExports['weightedSums']
  /** Like `weightedSums`, with weights and sums in f64. */
  exactSums: EngineExports['weightedSums']
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
  exponential(x: number): number
  breakOff(problem: number): void
  startProblem(problem: number): void
  solve(problem: number, limit: number): number
  threshold(problem: number): number
  addRow(out: number, row: number, length: number, factor: number): void
  projectedCgBytes(limit: number): number
  projectedCgStep(problem: number, scratch: number, limit: number, mostError: number): number
  violators(problem: number, indexes: number, limit: number, from: number, to: number): number
}

/** Returned by `projectedCgStep` where rounding would have decided the step; must match assembly/projected-cg.ts. */
export const LOST = -1

/** Return values of `solve`; must match assembly/smo.ts. */
export const SLICE_DONE = 0
export const CONVERGED = 1
export const NEEDS_ROW = 2
export const STALLED = 3
export const NOT_FINITE = 4
