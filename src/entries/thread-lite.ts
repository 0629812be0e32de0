// As thread.ts, for pages that import `softmargin/lite`, which never hold onnxruntime-web.

import { serve } from '../engine/wasm/pool-thread.ts'
import { liteWork } from './thread-work.ts'

await serve(liteWork)
