import { expect, it, vi } from 'vitest'
import { layeredCnn } from '../../../../test/support/layered-cnn.ts'
import { cutModel } from '../../../onnx/edit/cut.ts'
import { tailOf } from '../../../onnx/gradient/tail.ts'
import { inferTensors } from '../../../onnx/shapes/infer.ts'
import { addOnnxRuntime } from '../../onnxruntime.ts'
import { startResidentGraph } from '../../other-runtimes.ts'
import { startResidentStep } from './resident-step.ts'

vi.mock('../../other-runtimes.ts', async (original) => {
  const actual = await original<typeof import('../../other-runtimes.ts')>()
  return { ...actual, startResidentGraph: vi.fn(actual.startResidentGraph) }
})

it('frees the step if the graph that adds gradients does not start', async () => {
  addOnnxRuntime()
  const model = cutModel(layeredCnn(), ['features'])
  const tail = tailOf(model, inferTensors(model, { pixels: [1, 3, 8, 12] }), 'pool')
  const { runtime } = await startResidentStep(tail, { pooling: 'none', classes: 2, featureScale: 1 }, 'wasm')
  const start = vi.mocked(startResidentGraph)
  const graph = await start.mock.results[0].value
  const release = vi.spyOn(graph, 'release')
  start.mockRejectedValueOnce(new Error('no memory'))
  const input = new Float32Array(tail.kept[0].dims.reduce((all, n) => all * n, 1)).fill(0.1)
  const accumulate = () => runtime.accumulate([input], Float32Array.of(0, 1), 1)
  await accumulate()
  await expect(accumulate()).rejects.toThrow('no memory')
  await runtime.release()
  expect(release).toHaveBeenCalledOnce()
})
