// The entry point `softmargin`.

import { addOnnxRuntime } from '../cnn/onnxruntime.ts'
import { useFullThreads } from '../host/full-thread.ts'
import { addFormats } from '../image/formats/all-formats.ts'

addOnnxRuntime()
addFormats()
useFullThreads()

export * from '../index.ts'
