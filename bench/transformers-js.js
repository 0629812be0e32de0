import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema } from 'onnx-buf'
import { peersFolder } from './peers.js'

/**
 * The image-feature-extraction pipeline of transformers.js, installed from npm on demand, with a model given as bytes: `{ run }`,
 * which takes JPEG files, or `{ absent }` with the reason. On Node it uses the native onnxruntime-node.
 */
export async function transformersJs(model) {
  const folder = peersFolder()
  const entry = `${folder}node_modules/@huggingface/transformers/dist/transformers.node.mjs`
  try {
    if (!existsSync(entry)) {
      console.log('Fetching @huggingface/transformers from npm into bench/.peers')
      const flags = ['--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts']
      execFileSync('npm', ['install', ...flags, '@huggingface/transformers'], { stdio: 'ignore' })
    }
    const { env, pipeline } = await import(pathToFileURL(entry).href)
    Object.assign(env, { allowRemoteModels: false, localModelPath: folder })
    writeModel(`${folder}resnet18/`, model)
    const extract = await pipeline('image-feature-extraction', 'resnet18', {
      dtype: 'fp32',
      device: 'cpu',
      session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 },
    })
    return { run: (files) => extract(files.map((file) => new Blob([file]))) }
  } catch (error) {
    return { absent: error.message.split('\n')[0] }
  }
}

/** Writes the model like a folder of the hub, with the input and output names that transformers.js expects. */
function writeModel(folder, bytes) {
  const model = fromBinary(ModelProtoSchema, bytes)
  const { input, output, node } = model.graph
  const names = { [input[0].name]: 'pixel_values', [output[0].name]: 'last_hidden_state' }
  const rename = (name) => names[name] ?? name
  for (const each of node) {
    each.input = each.input.map(rename)
    each.output = each.output.map(rename)
  }
  for (const info of [...input, ...output]) info.name = rename(info.name)
  mkdirSync(`${folder}onnx`, { recursive: true })
  writeFileSync(`${folder}onnx/model.onnx`, toBinary(ModelProtoSchema, model))
  writeFileSync(
    `${folder}config.json`,
    JSON.stringify({ model_type: 'resnet', architectures: ['ResNetModel'] }),
  )
  const preprocessing = {
    image_processor_type: 'ConvNextImageProcessor',
    feature_extractor_type: 'ConvNextFeatureExtractor',
    crop_pct: 0.875,
    do_normalize: true,
    do_resize: true,
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
    resample: 2,
    size: { shortest_edge: 224 },
  }
  writeFileSync(`${folder}preprocessor_config.json`, JSON.stringify(preprocessing))
}
