// The exported entry points of the engine, nothing else. src/engine/exports.ts gives their types.

export { TILE_ROWS } from './simd'
export {
  SCRATCH_BYTES,
  gatherStrips,
  join,
  packPanel,
  packStrips,
  selfProducts,
  stripNorms,
  transpose,
  useScratch,
} from './gemm'
export { applyKernel, kernelBlock } from './kernel'
export { addRow, faceBytes, faceStep } from './face'
export { solve, startProblem, violators } from './smo'
export { exponential, nearestDistances, weightedSums } from './decision'
