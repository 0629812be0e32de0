import { expect, it } from 'vitest'
import { layeredCnn } from '../../../test/support/layered-cnn.ts'
import { cutModel } from '../../onnx/edit/cut.ts'
import { tailOf } from '../../onnx/gradient/tail.ts'
import { inferTensors } from '../../onnx/shapes/infer.ts'
import { workOfStep } from './plan-training.ts'

it('tells the same work for an image of a network with a fixed batch size', () => {
  const [one, four] = [1, 4].map((batch) => {
    const model = cutModel(layeredCnn({ input: [batch, 3, 8, 12] }), ['features'])
    const facts = inferTensors(model, { pixels: [batch, 3, 8, 12] })
    return workOfStep(tailOf(model, facts, 'pixels'), facts)
  })
  expect(one).toBeGreaterThan(0)
  expect(four).toBe(one)
})
