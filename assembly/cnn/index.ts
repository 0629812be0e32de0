// The exported kernels of the network engine, nothing else. src/cnn/engine/wasm/cnn-exports.ts gives their types.

export * from './inference'
export { activationGradient, poolGradient } from './gradient/activation-gradient'
export { layerNormGradient, softmaxGradient } from './gradient/normalize-gradient'
export { turnWeights } from './gradient/turn-weights'
export {
  addNumbers,
  channelSums,
  depthwiseGradient,
  unpackGradient,
  weightGradient,
} from './gradient/weight-gradient'
export { winogradGradient } from './gradient/winograd-gradient'
