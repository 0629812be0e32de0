// The entry point `softmargin`.

import { addOnnxRuntime } from '../cnn/onnxruntime.ts'
import { useFullThreads } from '../host/full-thread.ts'

addOnnxRuntime()
useFullThreads()

export * from '../index.ts'
