// As thread.ts, for pages that import `softmargin/svm`, which hold neither images nor networks.

import { serve } from '../engine/wasm/pool-thread.ts'
import { svmWork } from './thread-work-svm.ts'

await serve(svmWork)
