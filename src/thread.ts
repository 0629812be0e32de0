// The module of the engine's threads: softmargin starts it by itself.

import { serve } from './engine/wasm/pool-thread.ts'
import { searchJobType } from './model-selection/search/search-jobs.ts'
import { fitJobType } from './svm/training/pair-solver.ts'

await serve([fitJobType, searchJobType])
