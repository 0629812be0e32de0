// ONNX Runtime on workerd, for networks that softmargin's own engine does not support.

import runtime from 'onnxruntime-web/ort-wasm-simd-threaded.wasm'

/** Supplies the WebAssembly module of ONNX Runtime. */
export const runtimeModules = { 'onnxruntime.wasm': runtime }
