// Decision values that most models do without: those of linear and precomputed kernels, and those in float64. In one script,
// which is loaded with the first model that needs any, because each further script takes more bytes than it saves.

export { Float64Decider } from './float64-decider.ts'
export { layOutLinear } from './linear-decisions.ts'
export { layOutPrecisely } from './precise-decisions.ts'
export { PrecomputedPredictor } from './precomputed-decision.ts'
