import { describe, expect, it } from 'vitest'
import { layeredCnn } from '../../../test/support/layered-cnn.ts'
import { measuredLayers } from '../../../test/support/measured-layers.ts'
import { FeatureExtractor } from '../../cnn/extractor/extractor.ts'
import { cutModel } from '../edit/cut.ts'
import { withFloat32Io } from '../edit/float32-io.ts'
import { tensorsReadBy } from '../graph/graph.ts'
import { constant, node, tensorInfo } from '../graph/nodes.ts'
import { readModel } from '../graph/read-model.ts'
import { create } from '../proto/message.ts'
import {
  AttributeProtoSchema,
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
} from '../proto/onnx.ts'
import { toBinary } from '../proto/write-message.ts'
import { inferTensors } from './infer.ts'
import { workShares } from './multiply-adds.ts'

const integers = (name: string, ...values: bigint[]) => constant(name, BigInt64Array.from(values))

function graphOf(nodes: NodeProto[], initializer: TensorProto[] = [], output = 'end'): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 13n }],
    graph: {
      name: 'hostile',
      node: nodes,
      initializer,
      input: [tensorInfo('x', DataType.FLOAT, [1, 3, 8, 8])],
      output: [tensorInfo(output, DataType.FLOAT, ['rows', 'columns'])],
    },
  })
}

/** Analyses a model as far as possible without ONNX Runtime, and measures the time in milliseconds. */
function examine(model: ModelProto) {
  const bytes = toBinary(ModelProtoSchema, model)
  const start = performance.now()
  const read = readModel(bytes)
  const facts = inferTensors(read)
  const layers = measuredLayers(read, { name: 'x', dims: [1, 3, 8, 8] })
  const last = layers.at(-1)
  const cut = last && withFloat32Io(cutModel(read, [last.name]), facts)
  return { facts, layers, cut, time: performance.now() - start }
}

/** A chain of nodes `t0` to `t<count - 1>`, each reading the one before. */
const chain = (count: number, operator: string, more: string[] = []) =>
  Array.from({ length: count }, (_, i) =>
    node('', operator, [i === 0 ? 'x' : `t${i - 1}`, ...more], [`t${i}`]),
  )

/** Far more than the linear algorithms need on a busy machine, far less than a quadratic one would take. */
const soon = 15_000

describe('a graph with attributes out of range', () => {
  const huge = 2_000_000_000n
  it.each<[string, NodeProto, TensorProto[]]>([
    [
      'a Slice on axis 2,000,000,000',
      node('', 'Slice', ['x', 's', 'e', 'a'], ['end']),
      [integers('s', 0n), integers('e', 1n), integers('a', huge)],
    ],
    ['a Squeeze', node('', 'Squeeze', ['x', 'a'], ['end']), [integers('a', huge)]],
    ['an Unsqueeze', node('', 'Unsqueeze', ['x', 'a'], ['end']), [integers('a', huge)]],
    ['a Concat', node('', 'Concat', ['x', 'x'], ['end'], { axis: huge }), []],
    ['a Split', node('', 'Split', ['x'], ['end', 'other'], { axis: huge }), []],
    ['a Split before the first axis', node('', 'Split', ['x'], ['end', 'other'], { axis: -5n }), []],
    ['a Gather', node('', 'Gather', ['x', 'a'], ['end'], { axis: huge }), [integers('a', 0n)]],
    ['a Flatten', node('', 'Flatten', ['x'], ['end'], { axis: huge }), []],
    ['an ArgMax', node('', 'ArgMax', ['x'], ['end'], { axis: huge }), []],
    ['a ReduceMean', node('', 'ReduceMean', ['x'], ['end'], { axes: [huge] }), []],
    ['a Transpose', node('', 'Transpose', ['x'], ['end'], { perm: [0n, 1n, huge, 2n] }), []],
    ['an Expand', node('', 'Expand', ['x', 'a'], ['end']), [integers('a', ...Array(64).fill(huge), -1n)]],
    [
      'a Reshape of 100,000 dimensions',
      node('', 'Reshape', ['x'], ['end'], { shape: Array(100_000).fill(1n) }),
      [],
    ],
    ['a DepthToSpace with blocks of 0', node('', 'DepthToSpace', ['x'], ['end'], { blocksize: 0n }), []],
    [
      'an Unsqueeze of 100,000 axes',
      node('', 'Unsqueeze', ['x'], ['end'], { axes: Array(100_000).fill(0n) }),
      [],
    ],
  ])('%s: the shape is unknown', (_, one, initializer) => {
    expect(
      examine(graphOf([one], initializer))
        .facts.get('end')
        ?.dims?.some(Number.isInteger),
    ).toBeFalsy()
  })

  it.each<[string, NodeProto, TensorProto[]]>([
    ['a Tile by -3', node('', 'Tile', ['x', 'a'], ['end']), [integers('a', 1n, 1n, -3n, 1n)]],
    ['a Pad by -99', node('', 'Pad', ['x'], ['end'], { pads: [0n, 0n, -99n, 0n, 0n, 0n, 0n, 0n] }), []],
    ['a stride of 0', node('', 'MaxPool', ['x'], ['end'], { kernel_shape: [1n, 1n], strides: [0n, 1n] }), []],
    ['a Tile by 2^62', node('', 'Tile', ['x', 'a'], ['end']), [integers('a', 1n, 1n, 2n ** 62n, 1n)]],
  ])('%s: the size of that axis is unknown', (_, one, initializer) => {
    const dims = examine(graphOf([one], initializer)).facts.get('end')!.dims!
    expect(dims).toHaveLength(4)
    expect(dims[2]).toBeUndefined()
  })

  it('shapes computed from unknown values are unknown', () => {
    const { facts } = examine(
      graphOf([
        node('', 'Frobnicate', ['x'], ['unknown']),
        node('', 'ReduceSum', ['x', 'unknown'], ['sum']),
        node('', 'Squeeze', ['x', 'unknown'], ['squeezed']),
        node('', 'Split', ['x', 'unknown'], ['half', 'rest'], { axis: 1n }),
        node('', 'Relu', ['half'], ['end']),
      ]),
    )
    expect(facts.get('sum')!.dims).toBeUndefined()
    expect(facts.get('squeezed')!.dims).toBeUndefined()
    expect(facts.get('half')!.dims).toEqual([1, undefined, 8, 8])
  })

  it('the extractor refuses it with MODEL_UNSUPPORTED', async () => {
    const model = toBinary(
      ModelProtoSchema,
      graphOf(
        [node('', 'Relu', ['x'], ['t']), node('', 'Slice', ['t', 's', 'e', 'a'], ['end'])],
        [integers('s', 0n), integers('e', 1n), integers('a', huge)],
      ),
    )
    await expect(FeatureExtractor.create({ model, layer: 'end' })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    })
  })

  it.each<[string, (number | bigint)[], string]>([
    ['pictures of 2^40 pixels a side', [1, 3, 2n ** 40n, 2n ** 40n], 'MODEL_UNSUPPORTED'],
    ['batches of 2^40 pictures', [2n ** 40n, 3, 8, 8], 'OUT_OF_MEMORY'],
  ])('%s are refused with an error code', async (_, dims, code) => {
    const model = toBinary(ModelProtoSchema, layeredCnn({ input: dims as number[] }))
    await expect(FeatureExtractor.create({ model })).rejects.toMatchObject({ code })
  })

  it('an unknown element type is refused with MODEL_UNSUPPORTED', async () => {
    const wrong = layeredCnn()
    wrong.graph!.input = [tensorInfo('pixels', 999 as DataType, [1, 3, 8, 8])]
    const model = toBinary(ModelProtoSchema, wrong)
    await expect(FeatureExtractor.create({ model })).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
  })
})

describe('the time is linear in the size of the graph', () => {
  it.each<[string, () => ModelProto]>([
    [
      'constants that are joined with themselves 60 times',
      () =>
        graphOf(
          [
            node('', 'Shape', ['x'], ['c0']),
            ...Array.from({ length: 60 }, (_, i) =>
              node('', 'Concat', [`c${i}`, `c${i}`], [`c${i + 1}`], { axis: 0n }),
            ),
            node('', 'Reshape', ['x', 'c60'], ['end']),
          ],
          [],
        ),
    ],
    ['20,000 Relus one after the other', () => graphOf(chain(20_000, 'Relu'), [], 't19999')],
    [
      '20,000 Relus side by side',
      () => {
        const relus = Array.from({ length: 20_000 }, (_, i) => node('', 'Relu', ['x'], [`t${i}`]))
        return graphOf([
          ...relus,
          node(
            '',
            'Sum',
            relus.map(({ output }) => output[0]),
            ['end'],
          ),
        ])
      },
    ],
    ['a Sum of 200,000 inputs', () => graphOf([node('', 'Sum', Array(200_000).fill('x'), ['end'])])],
    ['a Concat of 200,000 inputs', () => graphOf([node('', 'Concat', Array(200_000).fill('x'), ['end'])])],
    [
      '20,000 quantised Identities',
      () => {
        const nodes = chain(20_000, 'Identity')
        nodes[0].opType = 'QuantizeLinear'
        nodes[0].input.push('scale')
        return graphOf(nodes, [constant('scale', Float32Array.of(1), [])], 't19999')
      },
    ],
    [
      '20,000 convolutions, each reading the two before',
      () => {
        const nodes = chain(20_000, 'Conv', ['w'])
        const sums = nodes.map((one, i) => {
          one.output[0] = `c${i}`
          return node('', 'Add', [`c${i}`, i < 2 ? 'x' : `t${i - 2}`], [`t${i}`])
        })
        const both = nodes.flatMap((one, i) => [one, sums[i]])
        return graphOf(both, [constant('w', new Float32Array(9), [3, 3, 1, 1])], 't19999')
      },
    ],
    [
      'tensors of 20,000 dimensions',
      () => {
        const model = graphOf(chain(2000, 'Relu'), [], 't1999')
        model.graph!.valueInfo = model
          .graph!.node.slice(0, 10)
          .map(({ output }) => tensorInfo(output[0], DataType.FLOAT, Array(20_000).fill(1)))
        return model
      },
    ],
  ])('%s', (_, make) => {
    const { layers, time } = examine(make())
    expect(time).toBeLessThan(soon)
    expect(layers.length).toBeGreaterThan(0)
  })

  it('names read by the bodies of nested Ifs are collected once', () => {
    const body = (depth: number): NodeProto => {
      const inner = depth === 0 ? [] : [body(depth - 1)]
      const graph = {
        name: 'body',
        node: [...inner, ...Array.from({ length: 500 }, (_, i) => node('', 'Relu', [`o${i}`], [`r${i}`]))],
        output: [tensorInfo('r1', DataType.FLOAT, [1]), tensorInfo('o7', DataType.FLOAT, [1])],
      }
      const one = node('', 'If', ['condition'], ['answer'])
      one.attribute = [create(AttributeProtoSchema, { name: 'then_branch', g: graph })]
      return one
    }
    const names = tensorsReadBy(body(20))
    expect(names).toHaveLength(501)
    expect(names).toContain('o7')
    expect(names).not.toContain('r1')
  })
})

describe('shares of the multiply-adds', () => {
  const weights = [constant('w', new Float32Array(9), [3, 3, 1, 1]), constant('s', Float32Array.of(1), [])]
  const shares = (nodes: NodeProto[]) => {
    const model = graphOf(nodes, weights)
    return Object.fromEntries(workShares(model.graph!, inferTensors(model)))
  }

  it('count what branches share only once', () => {
    const found = shares([
      node('', 'Conv', ['x', 'w'], ['a']),
      node('', 'Conv', ['a', 'w'], ['b']),
      node('', 'Conv', ['a', 'w'], ['c']),
      node('', 'Conv', ['c', 'w'], ['d']),
      node('', 'Add', ['b', 'd'], ['e']),
      node('', 'Conv', ['x', 'w'], ['f']),
      node('', 'Sum', ['e', 'f', 'a'], ['end']),
    ])
    expect(found).toEqual({ a: 0.2, b: 0.4, c: 0.4, d: 0.6, e: 0.8, f: 0.2, end: 1 })
  })

  it('do not depend on the order of the nodes', () => {
    const found = shares([
      node('', 'Add', ['b', 'a'], ['end']),
      node('', 'Conv', ['a', 'w'], ['b']),
      node('', 'Conv', ['x', 'w'], ['a']),
    ])
    // In this order no shape after the last node is known.
    expect(found).toEqual({})
    const model = graphOf(
      [
        node('', 'Add', ['b', 'a'], ['end']),
        node('', 'Conv', ['a', 'w'], ['b']),
        node('', 'Conv', ['x', 'w'], ['a']),
      ],
      weights,
    )
    const told = ['a', 'b', 'end'].map((name) => tensorInfo(name, DataType.FLOAT, [1, 3, 8, 8]))
    model.graph!.valueInfo = told
    expect(Object.fromEntries(workShares(model.graph!, inferTensors(model)))).toEqual({
      a: 0.5,
      b: 1,
      end: 1,
    })
  })
})

describe('a graph with a cycle is refused', () => {
  it.each<[string, NodeProto[]]>([
    ['of one node', [node('', 'Identity', ['end'], ['end'])]],
    [
      'of several',
      [
        node('', 'Relu', ['x'], ['a']),
        node('', 'Add', ['a', 'c'], ['b']),
        node('', 'Softmax', ['b'], ['c']),
        node('', 'Softmax', ['c'], ['end']),
      ],
    ],
    [
      'through a name that is written twice',
      [node('', 'Relu', ['x'], ['end']), node('', 'Softmax', ['end'], ['end'])],
    ],
  ])('%s', (_, nodes) => {
    expect(() => readModel(toBinary(ModelProtoSchema, graphOf(nodes)))).toThrow(
      expect.objectContaining({ code: 'MODEL_UNREADABLE', message: expect.stringContaining('cycle') }),
    )
  })
})

it('an operator or input named like a property of Object.prototype is treated like any other', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    const { facts } = examine(graphOf([node('', name, ['x'], ['t']), node('', 'Relu', ['x'], ['end'])]))
    expect(facts.get('t')).toEqual({ type: DataType.FLOAT, dims: undefined, values: undefined })
    const model = graphOf([node('', 'Relu', [name], ['end'])])
    model.graph!.input = [tensorInfo(name, DataType.FLOAT, [1, 3, 8, 8])]
    expect(inferTensors(model).get('end')!.dims).toEqual([1, 3, 8, 8])
  }
})
