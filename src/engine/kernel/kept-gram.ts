import type { Engine } from '../wasm/engine.ts'
import type { Simd } from '../wasm/module.ts'
import type { GramLayout } from './gram.ts'

/** The Gram matrix of a search, in an engine that is kept open for the fit of the best candidate. */
export interface KeptGram {
  engine: Engine
  simd: Simd
  /** Whether the memory is shared, so that threads can take part in the fit. */
  isShared: boolean
  /** Whether the rows are centred, as those of some kernels are: see `mayCentre`. */
  isCentred: boolean
  layout: GramLayout
}
