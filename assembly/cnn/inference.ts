// The exports that running a network of plain convolutions needs, and the constants by which the memory of any network is
// planned. The file of these alone is two thirds of one of all exports.

export { activate } from './activation'
export { dense } from './dense'
export { DEPTHWISE_PIXELS } from './depthwise'
export { copyPixels, fillBorder, fromPlanes, toPlanes } from './layout'
export { packPanels, packUntransformed, packWinograd, unpackHalves } from './pack'
export { OUTER } from './gradient/outer'
export { pool } from './pool'
export { STEM_SCRATCH_BYTES } from './stem'
export { NARROW, TILE_PIXELS, WIDE } from './tile'
export { winograd, WINOGRAD_CHANNELS, WINOGRAD_PLANE_GAP, WINOGRAD_SCRATCH_BYTES } from './winograd/winograd'
