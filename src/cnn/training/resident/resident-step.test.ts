import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { seeded } from '../../../../test/support/layered-cnn.ts'
import { cutModel } from '../../../onnx/edit/cut.ts'
import { tailOf } from '../../../onnx/gradient/tail.ts'
import { readModel } from '../../../onnx/graph/read-model.ts'
import { inferTensors } from '../../../onnx/shapes/infer.ts'
import { addOnnxRuntime } from '../../onnxruntime.ts'
import type { OptimizerSettings } from '../optimizer.ts'
import { startStep } from '../step-runtime.ts'
import type { Started } from '../trainable-step.ts'
import { HostUpdater } from '../weight-updater.ts'
import { startResidentStep } from './resident-step.ts'

// Weights that stay with ONNX Runtime, here on WebAssembly, beside weights that the optimizer changes in memory. test/hosts
// trains on the GPU.

addOnnxRuntime()

const [microBatch, classes] = [3, 4]
const model = cutModel(readModel(readFileSync('models/tiny/tiny.onnx')), ['features'])
const tail = tailOf(model, inferTensors(model, { pixel_values: [microBatch, 3, 16, 16] }), 'stage3')
const options = { pooling: 'none' as const, classes, featureScale: 1.5 }
const length = tail.kept[0].dims.reduce((all, n) => all * n, 1)

/** Six batches, each of two micro-batches: the weights are kept after the second, and restored after the fourth. */
async function trained({ runtime, parameters }: Started, settings: OptimizerSettings, scale = 1) {
  const before = parameters.map(({ values }) => values.slice())
  const all = parameters.map((one, i) => ({ ...one, learningRateFactor: i % 2 === 0 ? 1 : 0.8 }))
  const updater = runtime.startUpdater?.(all, settings) ?? new HostUpdater(all, settings)
  const norms: number[] = []
  const logits: number[] = []
  for (let step = 0; step < 6; step++) {
    runtime.zeroGradients()
    for (const micro of [0, 1]) {
      const input = seeded(length, 10 * step + micro).map((value) => scale * Math.max(0, value))
      const targets = new Float32Array(microBatch * classes)
      for (let i = 0; i < microBatch; i++) targets[i * classes + ((i + micro) % classes)] = 1
      logits.push(...(await runtime.accumulate([input], targets, microBatch)))
    }
    runtime.writeGradients(1 / (2 * microBatch))
    norms.push(await updater.prepare(0.01, 2))
    if (step === 3) updater.restart()
    else updater.apply()
    if (step === 1) updater.keep()
  }
  await updater.finish()
  await runtime.release()
  const names = parameters.map(({ name }) => name)
  return { names, before, after: parameters.map(({ values }) => values), norms, logits }
}

it.each([
  ['sgd', { optimizer: 'sgd', momentum: 0.9, weightDecay: 0.01 }, 1],
  ['sgd with gradients that are scaled down', { optimizer: 'sgd', momentum: 0, weightDecay: 0 }, 300],
  ['adamw', { optimizer: 'adamw', momentum: 0.8, weightDecay: 0.1 }, 1],
] as const)('weights on the device are changed as in memory by %s', async (_, settings, scale) => {
  const factory = { forEngine: () => tail, forOnnxGraph: () => tail }
  const host = await startStep(factory, options, { runtime: 'onnxruntime' })
  expect(host.runtime.startUpdater).toBeUndefined()
  const expected = await trained(host, settings, scale)
  const found = await trained(await startResidentStep(tail, options, 'wasm'), settings, scale)
  expect(found.names).toEqual(expected.names)
  expect(Math.max(...expected.norms) > 10).toBe(scale > 1)
  for (const [i, norm] of expected.norms.entries()) expect(found.norms[i] / norm).toBeCloseTo(1, 3)
  for (const [i, name] of found.names.entries()) {
    const changes = (of: typeof found) => of.after[i].map((value, k) => value - of.before[i][k])
    const [mine, theirs] = [changes(found), changes(expected)]
    const norm = (of: Float32Array) => Math.sqrt(of.reduce((sum, value) => sum + value * value, 0))
    expect(norm(theirs), name).toBeGreaterThan(0)
    expect(norm(mine.map((value, k) => value - theirs[k])) / norm(theirs), name).toBeLessThan(1e-3)
  }
})
