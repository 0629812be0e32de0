// The exported kernels of the network engine, nothing else. src/cnn/engine/wasm/cnn-exports.ts gives their types.

export { activate } from './activation'
export { binary } from './binary'
export { dense } from './dense'
export { depthwise, DEPTHWISE_PIXELS } from './depthwise'
export { depthwiseRows } from './depthwise-rows'
export { copyPixels, fillBorder, fromPlanes, toPlanes } from './layout'
export { layerNorm, softmax } from './normalize'
export { packPanels, packUntransformed, packWinograd, unpackHalves } from './pack'
export { pool } from './pool'
export { stem, STEM_SCRATCH_BYTES } from './stem'
export { NARROW, TILE_PIXELS, WIDE } from './tile'
export { winograd, WINOGRAD_CHANNELS, WINOGRAD_PLANE_GAP, WINOGRAD_SCRATCH_BYTES } from './winograd'
