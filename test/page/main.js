// What tests call in a real browser: a function each, whose answer can be sent.
import { FeatureExtractor } from '../../dist/lib/index.js'
import { gpuProgram } from '../hosts/gpu.js'

window.programs = {
  async gpu() {
    const response = await fetch('resnet18.onnx')
    return gpuProgram(
      FeatureExtractor,
      await import('onnxruntime-web/webgpu'),
      new Uint8Array(await response.arrayBuffer()),
    )
  },

  /** Loads a model of a URL: how many bytes each report of progress told, and what came of it. */
  async load(url, download) {
    const seen = []
    try {
      const onProgress = ({ done }) => seen.push(done)
      const extractor = await FeatureExtractor.create({
        model: new URL(url, location.href),
        download,
        onProgress,
      })
      const { layer } = extractor.describe()
      extractor.dispose()
      return { seen, layer }
    } catch ({ code, message }) {
      return { seen, code, message }
    }
  },

  /** The URLs that a cache of this origin holds. */
  async kept(name) {
    if (!(await caches.has(name))) return undefined
    const requests = await (await caches.open(name)).keys()
    return requests.map(({ url }) => new URL(url).pathname)
  },
}
