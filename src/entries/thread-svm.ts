// Like thread.ts, for pages that import `softmargin/svm` and so include neither image code nor networks.

import { serve } from '../engine/wasm/pool-thread.ts'
import { svmWork } from './thread-work-svm.ts'

await serve(svmWork)
