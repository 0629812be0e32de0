// The module that the threads of the thread pool run. softmargin starts it; it is not meant to be imported.

import { addOnnxRuntime } from '../cnn/onnxruntime.ts'
import { serve } from '../engine/wasm/pool-thread.ts'
import { addFormats } from '../image/formats/all-formats.ts'
import { liteWork } from './thread-work.ts'

addOnnxRuntime()
addFormats()

await serve(liteWork)
