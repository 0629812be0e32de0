// ONNX Runtime for workerd, for networks that our own engine does not know.

import runtime from 'onnxruntime-web/ort-wasm-simd-threaded.wasm'

/** The module that those networks need, too. */
export const runtimeModules = { 'onnxruntime.wasm': runtime }
