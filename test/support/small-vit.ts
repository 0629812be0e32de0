import { type AttributeValue, constant, node, tensorInfo } from '../../src/onnx/graph/nodes.ts'
import { create } from '../../src/onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
} from '../../src/onnx/proto/onnx.ts'

/** Options of the small vision transformer. */
export interface SmallVitOptions {
  /** Whether there is a class token first. Default true. */
  classToken?: boolean
  /** Number of register tokens after it. Default 0. */
  registers?: number
  /** Whether attention and MLP of a block read the same tensor and are added one after the other. Default false. */
  parallel?: boolean
  /** Number of classes of a head; default: no head, so that the model ends in its tokens. */
  classes?: number
  /** What the head reads: the class token, by a Gather (default) or a Slice, or the average of all tokens. */
  headReads?: 'gather' | 'slice' | 'average'
  /** Whether there is a second input and output for text, as in CLIP. Default false. */
  withText?: boolean
  opset?: number
}

/** Side of the image and of a patch, number of channels, heads and blocks. */
export const vit = { size: 12, patch: 3, width: 8, heads: 2, depth: 3 }

/**
 * A vision transformer with pre-norm blocks and pseudo-random weights for images of 12 x 12 pixels: patches of 3 x 3,
 * tokens of 8 channels, 3 blocks. Tensors are `patches` [N, 8, 4, 4], `embedded` and `block0` to `block2` [N, tokens,
 * 8], `normed`, and with classes `logits`. Nodes have no names, as in files of programs other than PyTorch.
 */
export function smallVit(o: SmallVitOptions = {}): ModelProto {
  const { classToken = true, registers = 0, parallel = false, withText = false, opset = 17 } = o
  const { classes, headReads = 'gather' } = o
  const { size, patch, width, heads, depth } = vit
  const side = size / patch
  const prefix = Number(classToken) + registers
  const tokens = side * side + prefix
  const nodes: ReturnType<typeof node>[] = []
  const initializer: TensorProto[] = []
  let seed = 1
  const weights = (name: string, dims: number[], scale = 0.5, offset = 0) => {
    const length = dims.reduce((all, n) => all * n, 1)
    const values = Float32Array.from({ length }, () => offset + scale * Math.sin(++seed * 12.9898))
    initializer.push(constant(name, values, dims))
    return name
  }
  const integers = (name: string, ...values: number[]) => {
    initializer.push(constant(name, BigInt64Array.from(values.map(BigInt))))
    return name
  }
  const op = (
    output: string,
    type: string,
    inputs: string[],
    attributes?: Record<string, AttributeValue>,
  ) => {
    nodes.push(node('', type, inputs, [output], attributes))
    return output
  }
  const normed = (output: string, x: string) =>
    op(output, 'LayerNormalization', [
      x,
      weights(`${output}.scale`, [width], 0.3, 1),
      weights(`${output}.bias`, [width]),
    ])
  const linear = (output: string, x: string, to: number, from = width) =>
    op(output, 'Add', [
      op(`${output}.product`, 'MatMul', [x, weights(`${output}.weight`, [from, to])]),
      weights(`${output}.bias`, [to]),
    ])
  const attention = (name: string, x: string) => {
    const split = (part: string, perm: bigint[]) => {
      const shape = integers(`${name}.${part}.shape`, 0, -1, heads, width / heads)
      return op(
        `${name}.${part}`,
        'Transpose',
        [op(`${name}.${part}.heads`, 'Reshape', [linear(`${name}.${part}.all`, x, width), shape])],
        { perm },
      )
    }
    const [q, k, v] = [
      split('q', [0n, 2n, 1n, 3n]),
      split('k', [0n, 2n, 3n, 1n]),
      split('v', [0n, 2n, 1n, 3n]),
    ]
    const scores = op(`${name}.scores`, 'Softmax', [op(`${name}.qk`, 'MatMul', [q, k])], { axis: -1n })
    const back = op(`${name}.back`, 'Transpose', [op(`${name}.values`, 'MatMul', [scores, v])], {
      perm: [0n, 2n, 1n, 3n],
    })
    const joined = op(`${name}.joined`, 'Reshape', [back, integers(`${name}.joined.shape`, 0, -1, width)])
    return linear(`${name}.projected`, joined, width)
  }
  const mlp = (name: string, x: string) =>
    linear(
      `${name}.down`,
      op(`${name}.act`, 'Sigmoid', [linear(`${name}.up`, x, 2 * width)]),
      width,
      2 * width,
    )
  const transformer = (name: string, from: string) => {
    let x = from
    for (let i = 0; i < depth; i++) {
      const block = `${name}${i}`
      const branch = attention(`${block}.attention`, normed(`${block}.norm1`, x))
      const middle = op(`${block}.middle`, 'Add', [x, branch])
      const other = mlp(`${block}.mlp`, parallel ? `${block}.norm1` : normed(`${block}.norm2`, middle))
      x = op(block, 'Add', [middle, other])
    }
    return x
  }
  op(
    'patches',
    'Conv',
    ['pixels', weights('patch.weight', [width, 3, patch, patch]), weights('patch.bias', [width])],
    {
      kernel_shape: [BigInt(patch), BigInt(patch)],
      strides: [BigInt(patch), BigInt(patch)],
    },
  )
  op('sequence', 'Transpose', [op('flat', 'Reshape', ['patches', integers('flat.shape', 0, width, -1)])], {
    perm: [0n, 2n, 1n],
  })
  if (prefix > 0) {
    // One copy of the tokens for each image; the shape is computed, as in exported models.
    const batch = op('batch', 'Gather', [op('shape', 'Shape', ['patches']), integers('zero', 0)], {
      axis: 0n,
    })
    const shape = op('prefix.shape', 'Concat', [batch, integers('prefix.size', prefix, width)], { axis: 0n })
    const copies = op('prefix', 'Expand', [weights('prefix.tokens', [1, prefix, width]), shape])
    op('with-prefix', 'Concat', [copies, 'sequence'], { axis: 1n })
  }
  op('embedded', 'Add', [prefix > 0 ? 'with-prefix' : 'sequence', weights('position', [1, tokens, width])])
  normed('normed', transformer('block', 'embedded'))
  const outputs = [tensorInfo('normed', DataType.FLOAT, ['N', tokens, width])]
  if (classes !== undefined) {
    const [zero, one] = [integers('class', 0), integers('one', 1)]
    const first =
      headReads === 'gather'
        ? op('first', 'Gather', ['normed', zero], { axis: 1n })
        : headReads === 'slice'
          ? op('first', 'Slice', ['normed', zero, one, one])
          : op('mean', 'ReduceMean', ['normed'], { axes: [1n], keepdims: 0n })
    const row = op('row', 'Reshape', [first, integers('row.shape', -1, width)])
    op('logits', 'Gemm', [row, weights('head.weight', [width, classes]), weights('head.bias', [classes])])
    outputs.splice(0, 1, tensorInfo('logits', DataType.FLOAT, ['N', classes]))
  }
  const input = [tensorInfo('pixels', DataType.FLOAT, ['N', 3, size, size])]
  if (withText) {
    input.unshift(tensorInfo('text', DataType.FLOAT, ['M', 4, width]))
    const words = transformer('text-block', 'text')
    const [a, b] = ['normed', words].map((name, i) =>
      op(`mean${i}`, 'ReduceMean', [name], { axes: [1n], keepdims: 0n }),
    )
    op('similarity', 'MatMul', [
      op('turned', 'Transpose', [a], { perm: [0n, 1n] }),
      op('other', 'Transpose', [b]),
    ])
    outputs.splice(0, 1, tensorInfo('similarity', DataType.FLOAT, ['N', 'M']))
  }
  return create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'test',
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph: { name: 'vit', node: nodes, initializer, input, output: outputs },
  })
}
