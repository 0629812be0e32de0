import { describe, expect, it } from 'vitest'
import { type LayeredCnnOptions, layeredCnn } from '../../../test/support/layered-cnn.ts'
import { measuredLayers } from '../../../test/support/measured-layers.ts'
import { constant, node, tensorInfo } from '../../onnx/graph/nodes.ts'
import { TensorProto_DataType as DataType, type NodeProto } from '../../onnx/proto/onnx.ts'
import { inferTensors } from '../../onnx/shapes/infer.ts'
import { findLayer, listLayers } from './list-layers.ts'

const layersOf = (options: LayeredCnnOptions = {}) => {
  const model = layeredCnn(options)
  return listLayers(model, inferTensors(model))
}
const defaultOf = (options: LayeredCnnOptions) => layersOf(options).find(({ isDefault }) => isDefault)

describe('listLayers', () => {
  it('lists the tensors computed from the image, in order', () => {
    const shape = node('shape', 'Shape', ['pool'], ['shape'])
    const layers = layersOf({ moreNodes: [shape, node('cast', 'Cast', ['shape'], ['sizes'], { to: 1n })] })
    expect(layers.map(({ name }) => name)).toEqual([
      'conv1',
      'relu',
      'pool',
      '/layer2/0_output',
      '/layer2/1_output',
      '/layer20/output',
      'avgpool',
      'features',
      'logits',
      'probabilities',
    ])
    expect(layers[2]).toEqual({ name: 'pool', node: '/pool/MaxPool', operator: 'MaxPool', isDefault: false })
    expect(layers.filter(({ isDefault }) => isDefault)).toHaveLength(1)
  })

  it('excludes the classification head by default', () => {
    expect(defaultOf({})).toMatchObject({
      name: 'features',
      reason: `it enters the classification head, Gemm '/fc/Gemm'`,
    })
    expect(defaultOf({ head: 'MatMul' })).toMatchObject({
      name: 'features',
      reason: expect.stringContaining('MatMul'),
    })
  })

  it('recognises a head that is a 1x1 convolution after the last pooling', () => {
    const moreNodes = [
      node('head', 'Conv', ['avgpool', 'head.weight'], ['scores']),
      node('flat', 'Flatten', ['scores'], ['flat scores']),
      node('soft', 'Softmax', ['flat scores'], ['soft']),
    ]
    expect(defaultOf({ head: 'none', moreNodes, moreOutputs: ['soft'] })).toMatchObject({ name: 'avgpool' })
  })

  /** A 1x1 convolution from 6 channels directly before the last pooling. */
  function endsIn(channels: number, ...tail: NodeProto[]) {
    const weights = constant('last.weight', new Float32Array(channels * 6), [channels, 6, 1, 1])
    const moreNodes = [
      node('last', 'Conv', ['/layer20/output', 'last.weight'], ['last']),
      node('last relu', 'Relu', ['last'], ['last relu']),
      node('last pool', 'GlobalAveragePool', ['last relu'], ['pooled']),
      ...tail,
    ]
    return { head: 'none' as const, moreNodes, moreWeights: [weights] }
  }
  const flat = node('flat', 'Flatten', ['pooled'], ['flat'], { axis: 1n })
  const soft = node('soft', 'Softmax', ['pooled'], ['soft'])

  it.each<[string, LayeredCnnOptions, string]>([
    ['1,000 classes', { ...endsIn(1000, flat), moreOutputs: ['flat'] }, '/layer20/output'],
    ['100 classes, not flattened', { ...endsIn(100), moreOutputs: ['pooled'] }, '/layer20/output'],
    ['4 classes, fewer than channels', { ...endsIn(4, flat), moreOutputs: ['flat'] }, '/layer20/output'],
    ['16 classes and Softmax', { ...endsIn(16, soft), moreOutputs: ['soft'] }, '/layer20/output'],
    ['1,280 features', { ...endsIn(1280, flat), moreOutputs: ['flat'] }, 'flat'],
  ])('decides whether a 1x1 convolution before the last pooling is a head: %s', (_, options, name) => {
    expect(defaultOf(options)).toMatchObject({ name })
  })

  it('uses the output of a model without a head', () => {
    expect(defaultOf({ head: 'none' })).toMatchObject({
      name: 'features',
      reason: expect.stringContaining('without'),
    })
  })

  it('is not misled by an earlier second output', () => {
    expect(defaultOf({ moreOutputs: ['conv1'] })).toMatchObject({ name: 'features' })
  })

  it('does not mistake a product of two activations for a head', () => {
    const moreNodes = [node('attention', 'MatMul', ['features', 'logits'], ['mixed'])]
    expect(defaultOf({ moreNodes, moreOutputs: ['mixed'] })).toMatchObject({ name: 'mixed' })
  })
})

describe('findLayer', () => {
  const layers = layersOf()
  it.each<[string | number, string, string]>([
    ['relu', 'relu', 'a tensor'],
    ['/pool/MaxPool', 'pool', 'a node'],
    ['layer2', '/layer2/1_output', 'a module, not layer20 which begins alike'],
    ['layer2.0', '/layer2/0_output', 'a module within it'],
    ['/layer2/', '/layer2/1_output', 'a module with slashes'],
    ['layer20', '/layer20/output', 'a module with one node'],
    ['-1', 'probabilities', 'the last'],
    [-3, 'features', 'the last but two, as a number'],
    ['-10', 'conv1', 'the first, from the end'],
  ])('%o is %s: %s', (wanted, name) => {
    expect(findLayer(layers, wanted).name).toBe(name)
  })

  it.each([
    ['layer3', `the closest names are 'layer2', 'layer20'`],
    ['Features', `the closest names are 'features'`],
    ['relu2', `the closest names are 'relu'`],
    ['layer', `the closest names are 'layer2', 'layer20'`],
    ['-11', 'the model has 10 layers, -1 to -10'],
    [4, 'the model has 10 layers'],
    ['', 'the closest names are'],
  ])('%o is not found, and the message suggests layers', (wanted, phrase) => {
    expect(() => findLayer(layers, wanted)).toThrow(
      expect.objectContaining({
        code: 'LAYER_NOT_FOUND',
        argument: 'layer',
        message: expect.stringContaining(phrase),
      }),
    )
  })

  it('rejects a layer that is neither a string nor a number', () => {
    expect(() => findLayer(layers, {} as string)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})

describe('measureLayers', () => {
  const input = { name: 'pixels', dims: [1, 3, 8, 12] }
  const measure = (options: LayeredCnnOptions = {}) => {
    const model = layeredCnn(options)
    return Object.fromEntries(measuredLayers(model, input).map((one) => [one.name, one]))
  }

  it('gives the shape of each layer and its share of the multiply-adds', () => {
    const layers = measure()
    const first = 4 * 3 * 9 * 8 * 12
    const second = 6 * 4 * 9 * 4 * 6
    const all = first + second + 6 * 5
    expect(layers.pool).toMatchObject({ shape: [4, 4, 6], share: first / all })
    expect(layers['/layer2/1_output']).toMatchObject({ shape: [6, 4, 6], share: (first + second) / all })
    expect(layers.features).toMatchObject({ shape: [6], isDefault: true })
    expect(layers.probabilities).toMatchObject({ shape: [5], share: 1 })
  })

  it('finds the end of a stage even if features of several stages are joined', () => {
    const moreNodes = [
      node('early pool', 'GlobalAveragePool', ['pool'], ['early pool']),
      node('early', 'Flatten', ['early pool'], ['early']),
      node('join', 'Concat', ['features', 'early'], ['joined'], { axis: 1n }),
    ]
    const layers = measure({ head: 'none', moreNodes, moreOutputs: ['joined'] })
    const ends = Object.values(layers).filter(({ endsStage }) => endsStage)
    expect(ends.map(({ name }) => name)).toEqual(['relu', '/layer20/output', 'joined'])
  })

  it('finds the ends of the stages of networks side by side whose features are joined', () => {
    const moreNodes = [
      node('second conv', 'Conv', ['pixels', 'conv1.weight'], ['second conv']),
      node('second relu', 'Relu', ['second conv'], ['second relu']),
      node('second pool', 'GlobalAveragePool', ['second relu'], ['second pool']),
      node('second', 'Flatten', ['second pool'], ['second']),
      node('join', 'Concat', ['features', 'second'], ['joined'], { axis: 1n }),
    ]
    const layers = measure({ head: 'none', moreNodes, moreOutputs: ['joined'] })
    const ends = Object.values(layers).filter(({ endsStage }) => endsStage)
    expect(ends.map(({ name }) => name)).toEqual(['relu', '/layer20/output', 'second relu', 'joined'])
  })

  it('counts only what a layer depends on', () => {
    const aside = node('aside', 'Conv', ['pixels', 'conv1.weight'], ['aside'])
    const layers = measure({ moreNodes: [aside] })
    expect(layers.probabilities.share! + layers.aside.share!).toBeCloseTo(1, 12)
  })

  it('omits sizes that only a run can determine', () => {
    const odd = node('odd', 'Frobnicate', ['features'], ['odd'])
    const layers = measure({ moreNodes: [odd, node('then', 'MatMul', ['odd', 'fc.weight'], ['then'])] })
    expect(layers.features.shape).toEqual([6])
    expect(layers.features).not.toHaveProperty('share')
    expect(layers.odd).not.toHaveProperty('shape')
  })
})

it('lists the layers of a model with two inputs', () => {
  const second = tensorInfo('second', DataType.FLOAT, ['n', 3, 'h', 'w'])
  const layers = layersOf({
    moreInputs: [second],
    moreNodes: [node('sum', 'Add', ['pixels', 'second'], ['sum'])],
  })
  expect(layers.at(-1)!.name).toBe('sum')
})
