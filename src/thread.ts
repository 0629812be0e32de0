// The module of the engine's threads: softmargin starts it by itself.

import { serve } from './engine/member.ts'
import { fitWork } from './svm/fit-work.ts'
import { searchWork } from './svm/search-work.ts'

await serve([fitWork, searchWork])
