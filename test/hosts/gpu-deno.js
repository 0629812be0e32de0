// For Deno with a GPU or with lavapipe: runs the program of gpu.js and prints its results.
//
// deno run -A --node-modules-dir=manual test/hosts/gpu-deno.js
import * as runtime from 'onnxruntime-web/webgpu'
import { FeatureExtractor } from '../../dist/lib/index.js'
import { resnet18 } from '../../scripts/resnet18.js'
import { gpuProgram } from './gpu.js'

const model = resnet18({ widths: [16, 32, 64, 128] })
console.log(JSON.stringify(await gpuProgram(FeatureExtractor, runtime, model)))
