// The exports of the WebAssembly module. Their TypeScript types, the offsets of the fields of its classes and some of its
// constants are generated from them: see scripts/engine-bindings.js.

export * from './prediction'
export { addRow } from './gradient'
export { join, transpose } from './pack'
export { projectedCgBytes, projectedCgStep } from './projected-cg'
export { preciseBlock, preciseSums } from './precise'
export { breakOff, solve, startProblem } from './smo'
export { threshold } from './rho'
export { violators } from './violators'
