// The module that the threads of the engine's thread pool run. softmargin starts it; it is not meant to be imported.

import { decisionJobType } from './engine/decision/decision-jobs.ts'
import { serve } from './engine/wasm/pool-thread.ts'
import { searchJobType } from './model-selection/search/search-jobs.ts'
import { fitJobType } from './svm/training/pair-solver.ts'

await serve([fitJobType, searchJobType, decisionJobType])
