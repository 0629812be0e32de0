// Tests import the sources below the entries of the package, which add ONNX Runtime and formats of images.

import { addOnnxRuntime } from '../../src/cnn/onnxruntime.ts'
import { addFormats } from '../../src/image/formats/all-formats.ts'

addOnnxRuntime()
addFormats()
