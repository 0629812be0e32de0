// The exported entry points of the engine, nothing else. src/engine/exports.ts gives their types.

export { TILE_ROWS } from './simd'
export { addRow } from './gradient'
export { SCRATCH_BYTES, selfProducts, stripNorms, useScratch } from './gemm'
export { gatherStrips, join, packPanel, packStrips, transpose } from './layout'
export { applyKernel, kernelBlock } from './kernel'
export { preciseBlock, preciseSums } from './precise'
export { faceBytes, faceStep } from './face'
export { breakOff, solve, startProblem } from './smo'
export { condition, survey } from './survey'
export { threshold } from './threshold'
export { violators } from './violators'
export { exactSums, exponential, nearestDistances, weightedSums } from './decision'
