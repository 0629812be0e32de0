// Tests import the sources below the entries of the package, which add ONNX Runtime.

import { addOnnxRuntime } from '../../src/cnn/onnxruntime.ts'

addOnnxRuntime()
