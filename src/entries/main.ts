// The entry point `softmargin`.

import { addOnnxRuntime } from '../cnn/onnxruntime.ts'

addOnnxRuntime()

export * from '../index.ts'
