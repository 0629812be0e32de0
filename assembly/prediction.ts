// The exports that predictions in float32 need: kernel values between rows and support vectors, and their weighted sums. A
// module of these alone is little more than a third as large as one of all exports.

export { TILE_ROWS } from './simd'
export { SCRATCH_BYTES, selfProducts, stripNorms, useScratch } from './gemm'
export { gatherStrips, packPanel, packStrips } from './pack'
export { applyKernel, kernelBlock } from './kernel'
export { columnStats, condition } from './column-stats'
export { exactSums, exponential, nearestDistances, weightedSums } from './decision'
