// In a page: pixels, blobs, streams and workers of the web.
import {
  decodeImage,
  FeatureExtractor,
  ImageClassifier,
  type ImageInput,
  readCsv,
  useAssets,
} from 'softmargin'
import { spawn } from 'softmargin/worker'
import { expectType } from './assert.js'

export async function page(file: File, context: CanvasRenderingContext2D, module: WebAssembly.Module) {
  const images: ImageInput[] = [file, context.getImageData(0, 0, 32, 32), new URL('a.png', location.href)]
  images.push(new Image(), context.canvas, document.createElement('video'), await createImageBitmap(file))
  // @ts-expect-error: not an image element.
  images.push(document.createElement('p'))
  const controller = new AbortController()
  const { signal } = controller
  useAssets({ 'svm.wasm': module, 'jpeg.wasm': await (await fetch('jpeg.wasm')).arrayBuffer() })
  const extractor = await FeatureExtractor.create({ model: file, signal })
  await extractor.extract(images, { signal })
  const classifier = await ImageClassifier.load(file)
  const saved = new Blob([await classifier.save()])
  const { data, width, height } = await decodeImage(file)
  context.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0)
  const { body } = await fetch('rows.csv')
  if (body) expectType<string[]>()((await readCsv(body, { signal })).columns)
  await spawn({ worker: () => new Worker(new URL('worker.js', location.href), { type: 'module' }) })
  return URL.createObjectURL(saved)
}
