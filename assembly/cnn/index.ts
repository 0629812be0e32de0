// The exported kernels of the network engine, nothing else. src/cnn/engine/wasm/cnn-exports.ts gives their types.

export * from './inference'
// What other networks need.
export { binary } from './binary'
export { depthwise } from './depthwise'
export { depthwiseRows } from './depthwise-rows'
export { layerNorm, softmax } from './normalize'
export { scalePanels } from './pack'
export { resize } from './resize'
export { stem } from './stem'
// What training needs.
export { activationGradient, poolGradient } from './gradient/activation-gradient'
export { layerNormGradient, softmaxGradient } from './gradient/normalize-gradient'
export { stridedGradient } from './gradient/strided-gradient'
export { exchangeWeights } from './gradient/exchange-weights'
export {
  addNumbers,
  channelSums,
  depthwiseGradient,
  unpackGradient,
  weightGradient,
} from './gradient/weight-gradient'
export { winogradGradient } from './gradient/winograd-gradient'
