// The exports of the WebAssembly module. Their TypeScript types, the offsets of the fields of its classes and some of its
// constants are generated from them: see scripts/engine-bindings.js.

export { TILE_ROWS } from './simd'
export { addRow } from './gradient'
export { SCRATCH_BYTES, selfProducts, stripNorms, useScratch } from './gemm'
export { gatherStrips, join, packPanel, packStrips, transpose } from './pack'
export { applyKernel, kernelBlock } from './kernel'
export { preciseBlock, preciseSums } from './precise'
export { projectedCgBytes, projectedCgStep } from './projected-cg'
export { breakOff, solve, startProblem } from './smo'
export { columnStats, condition } from './column-stats'
export { threshold } from './rho'
export { violators } from './violators'
export { exactSums, exponential, nearestDistances, weightedSums } from './decision'
