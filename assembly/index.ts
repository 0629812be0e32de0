// The exports of the WebAssembly module. Their TypeScript types are in src/engine/wasm/exports.ts.

export { TILE_ROWS } from './simd'
export { addRow } from './gradient'
export { SCRATCH_BYTES, selfProducts, stripNorms, useScratch } from './gemm'
export { gatherStrips, join, packPanel, packStrips, transpose } from './pack'
export { applyKernel, kernelBlock } from './kernel'
export { preciseBlock, preciseSums } from './precise'
export { projectedCgBytes, projectedCgStep } from './projected-cg'
export { breakOff, solve, startProblem } from './smo'
export { condition, survey } from './column-stats'
export { threshold } from './rho'
export { violators } from './violators'
export { exactSums, exponential, nearestDistances, weightedSums } from './decision'
