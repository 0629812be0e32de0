// WebAssembly modules for workerd, which accepts WebAssembly only as imported modules.

import jpeg from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'
import cnn from '../../dist/cnn.wasm'
import svm from '../../dist/svm.wasm'

/** Supplies the modules for an image classifier whose network runs in softmargin's own engine. */
export const modules = { 'svm.wasm': svm, 'cnn.wasm': cnn, 'jpeg.wasm': jpeg }
