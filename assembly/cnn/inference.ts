// The exports that running a network needs, and the constants by which its memory is planned. A module of these alone is a
// fifth smaller than one of all exports.

export { activate } from './activation'
export { binary } from './binary'
export { dense } from './dense'
export { depthwise, DEPTHWISE_PIXELS } from './depthwise'
export { depthwiseRows } from './depthwise-rows'
export { copyPixels, fillBorder, fromPlanes, toPlanes } from './layout'
export { layerNorm, softmax } from './normalize'
export { packPanels, packUntransformed, packWinograd, scalePanels, unpackHalves } from './pack'
export { OUTER } from './gradient/outer'
export { pool } from './pool'
export { stem, STEM_SCRATCH_BYTES } from './stem'
export { NARROW, TILE_PIXELS, WIDE } from './tile'
export { winograd, WINOGRAD_CHANNELS, WINOGRAD_PLANE_GAP, WINOGRAD_SCRATCH_BYTES } from './winograd/winograd'
