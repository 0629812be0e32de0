// The module of the engine's threads: softmargin starts it by itself.

import { serve } from './engine/wasm/pool-thread.ts'
import { fitWork } from './svm/training/pair-solver.ts'
import { searchWork } from './model-selection/search/search-jobs.ts'

await serve([fitWork, searchWork])
