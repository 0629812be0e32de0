// Registers ONNX Runtime and the image formats, as the package's entries do; tests import the sources below the
// entries.

import { addOnnxRuntime } from '../../src/cnn/onnxruntime.ts'
import { addFormats } from '../../src/image/formats/all-formats.ts'

addOnnxRuntime()
addFormats()
