/**
 * Compares the network on the GPU with WebAssembly, and checks what happens when the GPU is lost. For hosts with
 * WebGPU; can run only once per realm, because it destroys the GPU device.
 *
 * @param FeatureExtractor softmargin's
 * @param runtime the module `onnxruntime-web/webgpu` that softmargin uses, for its device
 * @param model the bytes of a ResNet-18, which may have narrow stages
 * @returns the results of the checks
 */
export async function gpuProgram(FeatureExtractor, runtime, model) {
  const checks = []
  const check = (what, holds) => checks.push({ what, holds })
  const images = Array.from({ length: 5 }, (_, i) => {
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, j) => (j * 7919 + i * 31) & 255)
    return { data, width: 64, height: 64, channels: 3 }
  })
  const options = { model, preprocess: { size: 64 } }

  const plain = await FeatureExtractor.create(options)
  const wanted = (await plain.extract(images)).data
  check('the default is WebAssembly', plain.device === 'wasm')
  const close = ({ data }) => {
    const largest = Math.max(...wanted)
    return data.length === wanted.length && data.every((x, i) => Math.abs(x - wanted[i]) < 1e-5 * largest)
  }

  const first = await FeatureExtractor.create({ ...options, device: 'auto' })
  check('auto finds the GPU', first.device === 'webgpu')
  check('and gives the same features', close(await first.extract(images)))
  const [, last] = await first.extractLayers(images, [{ layer: 'layer2', pooling: 'none' }, {}])
  check('also at several layers at once', close(last))
  first.dispose()

  // Two steps, of which the first one changes the head alone, since the head starts at zero.
  const steps = {
    ...{ from: 'layer3', epochs: 2, batchSize: images.length, validation: 0, augment: false },
    ...{ learningRate: 0.005, momentum: 0, schedule: 'constant', layerDecay: 1 },
  }
  const labels = ['a', 'b', 'a', 'b', 'b']
  /** How training changes the features; they are computed on WebAssembly. */
  const changeBy = async (extractor) => {
    const tuned = await extractor.fineTune(images, labels, steps)
    check(`${extractor.device} trains in onnxruntime-web`, tuned.tuning.runtime === 'onnxruntime')
    const copy = await FeatureExtractor.create({ model: await tuned.toOnnx() })
    const found = (await copy.extract(images)).data.map((value, i) => value - wanted[i])
    for (const one of [tuned, copy]) one.dispose()
    return found
  }
  const told = []
  const gpu = await FeatureExtractor.create({
    ...{ ...options, device: 'webgpu' },
    onWarning: (message) => told.push(message),
  })
  const onGpu = await changeBy(gpu)
  const onWasm = await changeBy(await FeatureExtractor.create({ ...options, runtime: 'onnxruntime' }))
  const greatest = onWasm.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  check('training changes the features', greatest > 1e-3)
  check(
    'training on the GPU is within 1e-2 of that on WebAssembly',
    onGpu.every((value, i) => Math.abs(value - onWasm[i]) < 1e-2 * greatest),
  )
  check('and stays on the GPU', gpu.device === 'webgpu' && told.length === 0)
  gpu.dispose()

  const warnings = []
  const onWarning = (message) => warnings.push(message)
  const second = await FeatureExtractor.create({ ...options, device: 'webgpu', onWarning })
  check('a second extractor uses the GPU again', second.device === 'webgpu')
  const device = await runtime.env.webgpu.device
  const onProgress = ({ done }) => done === 2 && device.destroy()
  check(
    'batches of the lost GPU are computed again',
    close(await second.extract(images, { batchSize: 2, onProgress })),
  )
  check('continues on WebAssembly with one warning', second.device === 'wasm' && warnings.length === 1)
  const third = await FeatureExtractor.create({ ...options, device: 'auto' })
  check('auto selects WebAssembly from then on', third.device === 'wasm')
  for (const extractor of [second, third, plain]) extractor.dispose()
  return checks
}
