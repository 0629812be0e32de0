import type { Engine } from '../wasm/engine.ts'
import { Float32Decider } from './float32-decider.ts'
import { Float64Decider } from './float64-decider.ts'
import type { DecisionLayout } from './row-decider.ts'

/** Creates the decider with the arithmetic that a layout requires. */
export function deciderOf(engine: Engine, layout: DecisionLayout): Float32Decider | Float64Decider {
  return layout.conditioning.precise ? new Float64Decider(engine, layout) : new Float32Decider(engine, layout)
}
