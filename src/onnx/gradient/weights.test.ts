import { expect, it } from 'vitest'
import { constant, node } from '../graph/nodes.ts'
import type { TensorProto } from '../proto/onnx.ts'
import { weightsOf } from './weights.ts'

it('counts the layers above a weight along the longest path; what follows a product counts with it', () => {
  const square = ['embed', 'query', 'key', 'project', 'shortcut']
  const vectors = ['embed.bias', 'norm.scale', 'norm.bias', 'project.bias']
  const constants = new Map<string, TensorProto>([
    ...square.map((name) => [name, constant(name, new Float32Array(16), [4, 4])] as const),
    ...vectors.map((name) => [name, constant(name, new Float32Array(4), [4])] as const),
  ])
  const nodes = [
    node('', 'MatMul', ['x', 'embed'], ['m']),
    node('', 'Add', ['m', 'embed.bias'], ['e']),
    node('', 'LayerNormalization', ['e', 'norm.scale', 'norm.bias'], ['n']),
    node('', 'MatMul', ['n', 'query'], ['q']),
    node('', 'MatMul', ['n', 'key'], ['k']),
    // A product without weights is no layer.
    node('', 'MatMul', ['q', 'k'], ['scores']),
    node('', 'MatMul', ['scores', 'project'], ['p']),
    node('', 'Add', ['p', 'project.bias'], ['o']),
    node('', 'MatMul', ['e', 'shortcut'], ['s']),
    node('', 'Add', ['o', 's'], ['y']),
  ]
  expect(Object.fromEntries(weightsOf(nodes, constants).map(({ name, depth }) => [name, depth]))).toEqual({
    ...{ shortcut: 0, project: 0, 'project.bias': 0 },
    ...{ query: 1, key: 1 },
    ...{ 'norm.scale': 2, 'norm.bias': 2, 'embed.bias': 2, embed: 2 },
  })
})

it('gives a weight that several layers read the depth of the lowest', () => {
  const constants = new Map([['w', constant('w', new Float32Array(16), [4, 4])]])
  const nodes = [node('', 'MatMul', ['x', 'w'], ['m']), node('', 'MatMul', ['m', 'w'], ['y'])]
  expect(weightsOf(nodes, constants).map(({ depth }) => depth)).toEqual([1])
})
