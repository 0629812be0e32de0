// Like thread.ts, for pages that import `softmargin/lite` and so do not include onnxruntime-web.

import { serve } from '../engine/wasm/pool-thread.ts'
import { liteWork } from './thread-work.ts'

await serve(liteWork)
