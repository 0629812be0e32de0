// For workerd: runs the program with modules that were compiled before, and answers with what came of it.
import jpeg from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'
import png from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm'
import runtime from 'onnxruntime-web/ort-wasm-simd-threaded.wasm'
import * as softmargin from 'softmargin'
import svm from 'softmargin/svm.wasm'
import tiny from 'softmargin/tiny.onnx'
import { spawn } from 'softmargin/worker'
import { program } from '../program.js'

softmargin.useAssets({
  'svm.wasm': svm,
  'tiny.onnx': tiny,
  'jpeg.wasm': jpeg,
  'png.wasm': png,
  'onnxruntime.wasm': runtime,
})

export default {
  async fetch() {
    try {
      return Response.json(await program(softmargin, spawn))
    } catch (error) {
      return new Response(error.stack ?? String(error), { status: 500 })
    }
  },
}
