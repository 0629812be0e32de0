import { expect, it } from 'vitest'
import { layeredCnnBytes } from '../../../test/support/layered-cnn.ts'
import { textureLabels, texturePreprocess, textures } from '../../../test/support/textures.ts'
import { GpuFailure } from '../gpu-failure.ts'
import { ResidentGraph } from '../ort/resident-graph.ts'
import { Session } from '../ort/session.ts'
import type { Device } from '../running-network.ts'
import { useOnnxRuntime } from '../runtime.ts'
import { FeatureExtractor } from './extractor.ts'

// test/hosts trains on a GPU; this one is simulated on WebAssembly, so that it can fail in the middle of a training.

let runs = 0
let lastRun = Number.POSITIVE_INFINITY

useOnnxRuntime({
  start: async (model, options) => {
    const session = await Session.create(model, { ...options, device: 'wasm' })
    return {
      device: options.device as Device,
      run: (input, batch, dims) => session.run(input, batch, dims),
      runAll: (feeds) => session.runAll(feeds),
      release: () => session.release(),
    }
  },
  startResident: async (model, device, read) => {
    expect(device).toBe('webgpu')
    const graph = await ResidentGraph.create(model, 'wasm', read)
    return {
      run: async (feeds) => {
        if (++runs > lastRun) throw new GpuFailure('the device was lost')
        return graph.run(feeds)
      },
      release: () => graph.release(),
    }
  },
})

const images = textures(0, 20)
const labels = textureLabels(20)
const options = { model: layeredCnnBytes(), preprocess: texturePreprocess }
const training = { from: 'input', epochs: 3, batchSize: 8, augment: false, validation: 0 } as const

it('a training whose GPU fails begins again on WebAssembly', async () => {
  const told: string[] = []
  using plain = await FeatureExtractor.create(options)
  using expected = await plain.fineTune(images, labels, training)
  using gpu = await FeatureExtractor.create({
    ...{ ...options, device: 'webgpu' },
    onWarning: (message) => told.push(message),
  })
  using whole = await gpu.fineTune(images, labels, training)
  expect(whole.tuning).toMatchObject({ runtime: 'onnxruntime', steps: expected.tuning!.steps, restarts: 0 })
  expect(whole.tuning!.loss).toBeCloseTo(expected.tuning!.loss, 3)
  expect(runs).toBe(2 * whole.tuning!.steps)
  expect(told).toEqual([])

  lastRun = runs + 7
  using tuned = await gpu.fineTune(images, labels, training)
  expect(told).toEqual([
    'softmargin: the GPU failed (the device was lost); the training begins again on WebAssembly',
  ])
  expect(tuned.tuning).toEqual(expected.tuning)
  expect(await tuned.toOnnx()).toEqual(await expected.toOnnx())
})
