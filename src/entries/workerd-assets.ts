// WebAssembly modules for workerd, which accepts WebAssembly only as imported modules.

import jpeg from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'
import cnn from '../../dist/cnn.wasm'
import svm from '../../dist/svm.wasm'

/** The modules that an image classifier needs whose network runs in our own engine. */
export const modules = { 'svm.wasm': svm, 'cnn.wasm': cnn, 'jpeg.wasm': jpeg }
