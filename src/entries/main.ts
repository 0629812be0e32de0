// The entry point `softmargin`.

import { addOnnxRuntime } from '../cnn/onnxruntime.ts'
import { addFormats } from '../image/formats/all-formats.ts'

addOnnxRuntime()
addFormats()

export * from '../index.ts'
