import { constant, node, tensorInfo } from '../../src/onnx/graph/nodes.ts'
import { create } from '../../src/onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
} from '../../src/onnx/proto/onnx.ts'

const integers = (name: string, ...values: number[]) => constant(name, BigInt64Array.from(values, BigInt))
const floats = (name: string, dims: number[], value = 0.1) =>
  constant(name, new Float32Array(dims.reduce((all, size) => all * size, 1)).fill(value), dims)

/** A graph of operators with different output shapes, for pixels [n, 3, 13, 18]. */
export function manyOperators(): ModelProto {
  const pads = { kernel_shape: [3n, 3n], pads: [1n, 0n, 2n, 1n] }
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 13n }],
    graph: {
      name: 'many',
      node: [
        node('', 'Conv', ['x', 'w5'], ['conv'], { ...pads, strides: [2n, 3n], dilations: [1n, 2n] }),
        node('', 'Conv', ['x', 'w5'], ['same'], { auto_pad: 'SAME_UPPER', strides: [2n, 2n] }),
        node('', 'Conv', ['x', 'w5'], ['valid'], { auto_pad: 'VALID', strides: [2n, 2n] }),
        node('', 'Conv', ['x', 'depthwise'], ['depth'], { group: 3n }),
        node('', 'ConvTranspose', ['same', 'back'], ['up'], {
          strides: [2n, 3n],
          pads: [1n, 1n, 0n, 1n],
          output_padding: [1n, 0n],
        }),
        node('', 'MaxPool', ['x'], ['ceil'], { kernel_shape: [2n, 2n], strides: [2n, 2n], ceil_mode: 1n }),
        node('', 'MaxPool', ['x'], ['ceil3'], {
          kernel_shape: [2n, 3n],
          strides: [3n, 4n],
          pads: [0n, 1n, 1n, 1n],
          ceil_mode: 1n,
        }),
        node('', 'AveragePool', ['x'], ['mean'], { ...pads, strides: [3n, 2n] }),
        node('', 'GlobalMaxPool', ['conv'], ['global']),
        node('', 'ReduceMean', ['conv'], ['reduced'], { axes: [-1n, 2n], keepdims: 0n }),
        node('', 'ReduceMax', ['conv'], ['kept'], { axes: [3n] }),
        node('', 'ReduceSum', ['conv', 'last'], ['sums'], { keepdims: 0n }),
        node('', 'Squeeze', ['global', 'twoLast'], ['squeezed']),
        node('', 'Unsqueeze', ['squeezed', 'twoLast'], ['unsqueezed']),
        node('', 'Transpose', ['conv'], ['turned'], { perm: [0n, 2n, 3n, 1n] }),
        node('', 'Transpose', ['squeezed'], ['turned2'], { perm: [0n, 1n] }),
        node('', 'Concat', ['conv', 'conv', 'conv'], ['joined'], { axis: -3n }),
        node('', 'Split', ['joined', 'fourEleven'], ['first', 'second'], { axis: 1n }),
        node('', 'Split', ['x'], ['third1', 'third2', 'third3'], { axis: 1n }),
        node('', 'Slice', ['x', 'starts', 'ends', 'axes', 'steps'], ['sliced']),
        node('', 'Gather', ['x', 'twoIndexes'], ['gathered'], { axis: 3n }),
        node('', 'Gather', ['x', 'oneIndex'], ['taken'], { axis: 1n }),
        node('', 'Pad', ['x', 'border'], ['padded']),
        node('', 'Tile', ['x', 'times'], ['tiled']),
        node('', 'DepthToSpace', ['twelve'], ['space'], { blocksize: 2n }),
        node('', 'Conv', ['x', 'w12'], ['twelve']),
        node('', 'SpaceToDepth', ['joined6'], ['deeper'], { blocksize: 2n }),
        node('', 'Slice', ['x', 'zeros', 'even', 'twoThree'], ['joined6']),
        node('', 'Resize', ['x', '', 'scales'], ['bigger'], { mode: 'nearest' }),
        node('', 'Resize', ['x', '', '', 'sizes'], ['sized'], { mode: 'nearest' }),
        node('', 'Add', ['global', 'conv'], ['added']),
        node('', 'PRelu', ['conv', 'slope'], ['prelu']),
        // PyTorch's export of x.view(n, -1, h).
        node('', 'Shape', ['conv'], ['shape']),
        node('', 'Gather', ['shape', 'zero'], ['n'], { axis: 0n }),
        node('', 'Unsqueeze', ['n', 'firstAxis'], ['n1']),
        node('', 'Slice', ['shape', 'three', 'four'], ['width']),
        node('', 'Div', ['width', 'two'], ['halfWidth']),
        node('', 'Mul', ['halfWidth', 'two'], ['evenWidth']),
        node('', 'Concat', ['n1', 'minus', 'width'], ['target'], { axis: 0n }),
        node('', 'Reshape', ['conv', 'target'], ['viewed']),
        node('', 'ConstantOfShape', ['four'], ['ones'], {}),
        node('', 'Flatten', ['conv'], ['flat']),
        node('', 'Flatten', ['conv'], ['flat3'], { axis: -1n }),
        node('', 'MatMul', ['viewed', 'matrix'], ['product']),
        node('', 'Gemm', ['squeezed', 'rows'], ['gemm'], { transB: 1n }),
        node('', 'BatchNormalization', ['conv', 'five', 'five', 'five', 'five'], ['normal']),
        node('', 'Identity', ['flat3'], ['end']),
      ]
        .sort((a, b) => Number(a.input.includes('twelve')) - Number(b.input.includes('twelve')))
        .sort((a, b) => Number(a.input.includes('joined6')) - Number(b.input.includes('joined6'))),
      initializer: [
        floats('w5', [5, 3, 3, 3]),
        floats('w12', [12, 3, 3, 3]),
        floats('depthwise', [6, 1, 3, 3]),
        floats('back', [5, 4, 3, 3]),
        floats('slope', [5, 1, 1]),
        floats('five', [5]),
        floats('rows', [7, 5]),
        floats('matrix', [5, 9]),
        constant('scales', Float32Array.of(1, 1, 1.5, 2)),
        integers('sizes', 1, 3, 7, 5),
        integers('last', 3),
        integers('twoLast', -1, 2),
        integers('fourEleven', 4, 11),
        integers('starts', 1, -2),
        integers('ends', 100, -9),
        integers('axes', 2, 3),
        integers('steps', 2, -3),
        integers('twoIndexes', 0, 4),
        constant('oneIndex', BigInt64Array.of(1n), []),
        integers('border', 0, 0, 1, 2, 0, 0, 3, 4),
        integers('times', 1, 2, 1, 3),
        integers('zeros', 0, 0),
        integers('even', 12, 16),
        integers('twoThree', 2, 3),
        constant('zero', BigInt64Array.of(0n), []),
        integers('firstAxis', 0),
        integers('minus', -1),
        integers('two', 2),
        integers('three', 3),
        integers('four', 4),
      ],
      input: [tensorInfo('x', DataType.FLOAT, ['n', 3, 'h', 'w'])],
      output: [tensorInfo('end', DataType.FLOAT, ['rows', 'columns'])],
    },
  })
}
