// Answers the label of each picture that is posted: a CNN and an SVM in one file that was trained elsewhere.
import jpeg from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'
import png from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm'
import runtime from 'onnxruntime-web/ort-wasm-simd-threaded.wasm'
import { ImageClassifier, useAssets } from 'softmargin'
import svm from 'softmargin/svm.wasm'
import file from './classifier.onnx'

useAssets({ 'svm.wasm': svm, 'jpeg.wasm': jpeg, 'png.wasm': png, 'onnxruntime.wasm': runtime })
let classifier

export default {
  async fetch(request) {
    classifier ??= ImageClassifier.load(file)
    const [label] = await (await classifier).predict([await request.arrayBuffer()])
    return Response.json({ label })
  },
}
