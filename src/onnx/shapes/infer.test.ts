import { describe, expect, it } from 'vitest'
import { resnet18 } from '../../../scripts/resnet18.js'
import { manyOperators } from '../../../test/support/many-operators.ts'
import { measuredLayers } from '../../../test/support/measured-layers.ts'
import { dynamicCnn, halfCnn, qdqCnn, qlinearCnn } from '../../../test/support/model-kinds.ts'
import { Session } from '../../cnn/ort/session.ts'
import { cutModel } from '../edit/cut.ts'
import { withFloat32Io } from '../edit/float32-io.ts'
import { node, tensorInfo } from '../graph/nodes.ts'
import { readModel } from '../graph/read-model.ts'
import { TensorProto_DataType as DataType, type ModelProto } from '../proto/onnx.ts'
import { inferTensors } from './infer.ts'

/** Every layer's inferred shape, and the actual one from ONNX Runtime. */
async function bothShapes(model: ModelProto, input: string, dims: number[]) {
  const layers = measuredLayers(model, { name: input, dims })
  const names = layers.map(({ name }) => name)
  const session = await Session.create(withFloat32Io(cutModel(model, names), inferTensors(model)))
  const length = dims.reduce((all, size) => all * size, 1)
  const answers = await session.run(input, new Float32Array(length), dims)
  await session.release()
  const inferred = layers.map(({ name, shape }) => [name, shape])
  return { inferred, actual: names.map((name) => [name, answers.get(name)!.dims.slice(1)]) }
}

describe('inferred shapes match ONNX Runtime', () => {
  it.each<[string, () => ModelProto, string, number[]]>([
    [
      'a ResNet-18',
      () => readModel(resnet18({ widths: [4, 6, 8, 10], classes: 7 })),
      'input',
      [1, 3, 65, 50],
    ],
    ['many operators', manyOperators, 'x', [1, 3, 13, 18]],
    ['float16', halfCnn, 'pixels', [1, 3, 8, 12]],
    ['QDQ', qdqCnn, 'pixels', [1, 3, 8, 12]],
    ['QLinear', qlinearCnn, 'pixels', [1, 3, 8, 12]],
    ['a dynamically quantised head', dynamicCnn, 'pixels', [1, 3, 8, 12]],
  ])('in %s', async (_, make, input, dims) => {
    const { inferred, actual } = await bothShapes(make(), input, dims)
    expect(inferred).toEqual(actual)
    expect(inferred.length).toBeGreaterThan(2)
  })
})

describe('inferTensors', () => {
  it('infers types without sizes', () => {
    const facts = inferTensors(qlinearCnn())
    expect(facts.get('conv1')).toMatchObject({
      type: DataType.UINT8,
      dims: [undefined, 4, undefined, undefined],
    })
    expect(facts.get('out')!.type).toBe(DataType.FLOAT)
    expect(inferTensors(halfCnn()).get('features')!.type).toBe(DataType.FLOAT16)
  })

  it("trusts the file's shapes after an unknown operator", () => {
    const model = manyOperators()
    model.graph!.node.push(node('', 'Frobnicate', ['flat'], ['odd']), node('', 'Relu', ['odd'], ['then']))
    expect(inferTensors(model, { x: [1, 3, 13, 18] }).get('then')!.dims).toBeUndefined()
    model.graph!.valueInfo.push(tensorInfo('odd', DataType.FLOAT, ['n', 12]))
    expect(inferTensors(model, { x: [1, 3, 13, 18] }).get('then')!.dims).toEqual([undefined, 12])
  })
})
