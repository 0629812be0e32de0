// The exported entry points of the engine, nothing else. src/engine/exports.ts gives their types.

export { TILE_ROWS } from './simd'
export { SCRATCH_BYTES, selfProducts, stripNorms, useScratch } from './gemm'
export { gatherStrips, join, packPanel, packStrips, transpose } from './layout'
export { applyKernel, kernelBlock } from './kernel'
export { addRow, faceBytes, faceStep } from './face'
export { solve, startProblem } from './smo'
export { condition, survey } from './survey'
export { threshold } from './threshold'
export { violators } from './violators'
export { exponential, nearestDistances, weightedSums } from './decision'
