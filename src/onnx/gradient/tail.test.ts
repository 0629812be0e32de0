import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cutModel } from '../edit/cut.ts'
import { constant, node, tensorInfo } from '../graph/nodes.ts'
import { readModel } from '../graph/read-model.ts'
import { create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
} from '../proto/onnx.ts'
import { inferTensors } from '../shapes/infer.ts'
import { obstacleIn, tailOf } from './tail.ts'

const tiny = cutModel(readModel(readFileSync(new URL('../../../models/tiny/tiny.onnx', import.meta.url))), [
  'features',
])
const tinyFacts = inferTensors(tiny, { pixel_values: [4, 3, 32, 32] })

function model(nodes: NodeProto[], constants = [constant('w', new Float32Array(6), [2, 3])]): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'g',
      node: nodes,
      initializer: constants,
      input: [tensorInfo('x', DataType.FLOAT, [1, 2])],
      output: [tensorInfo('y', DataType.FLOAT, [1, 3])],
    },
  })
}

describe('the tail above a layer', () => {
  it('starts at the layer and makes the weights of all convolutions above it trainable', () => {
    const { kept, weights } = tailOf(tiny, tinyFacts, 'stage3')
    expect(kept).toEqual([{ name: 'stage3', dims: [4, 96, 8, 8] }])
    expect(weights.map(({ name, depth }) => [name, depth])).toEqual([
      ['stage4.block1.conv2.weight', 0],
      ['stage4.block1.conv2.bias', 0],
      ['stage4.block1.conv1.weight', 1],
      ['stage4.block1.conv1.bias', 1],
      ['stage4.conv1.weight', 2],
      ['stage4.conv1.bias', 2],
    ])
  })

  it('keeps what paths around the layer need', () => {
    const { kept } = tailOf(tiny, tinyFacts, 'stage4.block1.conv1.relu.out')
    expect(kept.map(({ name, dims }) => [name, dims]).sort()).toEqual([
      ['stage3.mean', [4, 96]],
      ['stage4.block1.conv1.relu.out', [4, 72, 4, 4]],
      ['stage4.conv1.relu.out', [4, 192, 4, 4]],
    ])
    expect(kept[0].name).toBe('stage4.block1.conv1.relu.out')
  })

  it('leaves out weights that the rest of the network reads too', () => {
    const square = [constant('w', new Float32Array(4), [2, 2]), constant('v', new Float32Array(6), [2, 3])]
    const layers = [
      node('', 'MatMul', ['x', 'w'], ['a']),
      node('', 'MatMul', ['a', 'w'], ['b']),
      node('', 'MatMul', ['b', 'v'], ['y']),
    ]
    const shared = model(layers, square)
    const facts = inferTensors(shared, { x: [1, 2] })
    const learnt = (from: string) =>
      tailOf(shared, facts, from).weights.map(({ name, depth }) => [name, depth])
    expect(learnt('a')).toEqual([['v', 0]])
    expect(learnt('x').sort()).toEqual([
      ['v', 0],
      ['w', 2],
    ])
  })

  it('is the whole network when cut at the image, with float16 weights as float32', () => {
    const { kept, weights, model: tail } = tailOf(tiny, tinyFacts, 'pixel_values')
    expect(kept).toEqual([{ name: 'pixel_values', dims: [4, 3, 32, 32] }])
    expect(weights).toHaveLength(24)
    expect(tail.graph!.node.some(({ opType }) => opType === 'Cast')).toBe(false)
    const [w] = weights.filter(({ name }) => name === 'stage1.conv1.weight')
    expect(w.dims).toEqual([16, 3, 3, 3])
    expect(Math.max(...w.values.map(Math.abs))).toBeGreaterThan(0.1)
  })

  it('does not train scalars', () => {
    const { weights } = tailOf(tiny, tinyFacts, 'stage3')
    expect(weights.some(({ name }) => name === 'offset.value')).toBe(false)
  })

  it('is refused if the result does not depend on it', () => {
    expect(() => tailOf(tiny, tinyFacts, 'features')).toThrow(
      /from must be a layer that 'features' is computed from/,
    )
  })

  it('replaces computed sizes by constants', () => {
    const nodes = [
      node('a', 'Shape', ['x'], ['s']),
      node('b', 'Relu', ['x'], ['r']),
      node('c', 'Reshape', ['r', 's'], ['t']),
      node('d', 'MatMul', ['t', 'w'], ['y']),
    ]
    const source = model(nodes)
    const { kept, model: tail } = tailOf(source, inferTensors(source), 'r')
    expect(kept.map(({ name }) => name)).toEqual(['r'])
    expect(tail.graph!.initializer.map(({ name }) => name).sort()).toEqual(['s', 'w'])
  })

  it('names an operator without a gradient rule on the way to a weight', () => {
    const nodes = [
      node('a', 'MatMul', ['x', 'w'], ['m']),
      node('b', 'Relu', ['m'], ['r']),
      node('odd', 'Mish', ['r'], ['y']),
    ]
    const source = model(nodes)
    const tail = tailOf(source, inferTensors(source, { x: [1, 2] }), 'x')
    expect(obstacleIn(tail)).toMatchObject({ opType: 'Mish', name: 'odd' })
    expect(obstacleIn(tailOf(tiny, tinyFacts, 'pixel_values'))).toBeUndefined()
  })
})
