import { describe, expect, it } from 'vitest'
import { layeredCnn } from '../../../test/support/layered-cnn.ts'
import { node, tensorInfo } from '../graph/nodes.ts'
import { create } from '../proto/message.ts'
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  ModelProtoSchema,
} from '../proto/onnx.ts'
import { toBinary } from '../proto/write-message.ts'
import { cutModel } from './cut.ts'

const names = (list: { name: string }[]) => list.map(({ name }) => name)

describe('cutModel', () => {
  it('keeps only what the layer depends on', () => {
    const model = layeredCnn()
    const before = toBinary(ModelProtoSchema, model)
    const { graph } = cutModel(model, ['pool'])
    expect(names(graph!.node)).toEqual(['/conv1/Conv', '/relu/Relu', '/pool/MaxPool'])
    expect(names(graph!.initializer)).toEqual(['conv1.weight', 'conv1.bias'])
    expect(names(graph!.input)).toEqual(['pixels'])
    expect(names(graph!.output)).toEqual(['pool'])
    expect(toBinary(ModelProtoSchema, model)).toEqual(before)
  })

  it('keeps several layers in one model, with shared weights', () => {
    const model = layeredCnn()
    const { graph } = cutModel(model, ['/layer2/1_output', 'relu'])
    expect(names(graph!.node)).toHaveLength(5)
    expect(names(graph!.output)).toEqual(['/layer2/1_output', 'relu'])
    expect(graph!.initializer[0].rawData).toBe(model.graph!.initializer[0].rawData)
  })

  it('removes weights from the inputs of a file in an old IR version', () => {
    const cut = cutModel(layeredCnn({ weightsAsInputs: true }), ['features'])
    expect(names(cut.graph!.input)).toEqual(['pixels'])
    expect(cut.irVersion).toBe(4n)
  })

  it('keeps tensors that only a sub-graph reads', () => {
    const body = (source: string) =>
      create(GraphProtoSchema, {
        name: 'body',
        node: [node('', 'Relu', [source], ['inner'])],
        output: [tensorInfo('inner', DataType.FLOAT, ['n', 'c', 'h', 'w'])],
      })
    const choice = node('choice', 'If', ['is_day'], ['chosen'])
    for (const [name, source] of [
      ['then_branch', 'conv1'],
      ['else_branch', 'pool'],
    ]) {
      const type = AttributeType.GRAPH
      choice.attribute.push(create(AttributeProtoSchema, { name, type, g: body(source) }))
    }
    const model = layeredCnn({ moreNodes: [choice], moreInputs: [tensorInfo('is_day', DataType.BOOL, [1])] })
    const { graph } = cutModel(model, ['chosen'])
    expect(names(graph!.node)).toEqual(['/conv1/Conv', '/relu/Relu', '/pool/MaxPool', 'choice'])
    expect(names(graph!.input)).toEqual(['pixels', 'is_day'])
  })

  it('rejects a tensor that no node computes', () => {
    for (const name of ['nowhere', 'pixels', 'conv1.weight', 'inner', '']) {
      expect(() => cutModel(layeredCnn(), [name])).toThrow(
        expect.objectContaining({ code: 'LAYER_NOT_FOUND' }),
      )
    }
  })
})
