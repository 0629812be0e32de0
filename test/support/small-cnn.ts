import { constant, node, tensorInfo } from '../../src/onnx/graph/nodes.ts'
import { create } from '../../src/onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  ValueInfoProtoSchema,
} from '../../src/onnx/proto/onnx.ts'

/**
 * A network of one convolution and a ReLU, [N, 3, H, W] to [N, 4, H, W], with pseudo-random weights.
 *
 * @param o.input the name of its input
 * @param o.output the name of its output
 * @param o.typed whether the file declares the type of its output
 */
export function smallCnn(
  o: { input?: string; output?: string; opset?: number; typed?: boolean } = {},
): ModelProto {
  const { input = 'image', output = 'map', opset = 17, typed = true } = o
  const weights = Float32Array.from({ length: 4 * 3 * 3 * 3 }, (_, i) => Math.sin(i * 12.9898) / 3)
  return create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'test',
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph: {
      name: 'small',
      node: [
        node('conv', 'Conv', [input, 'weights'], ['convolved'], {
          kernel_shape: [3n, 3n],
          pads: [1n, 1n, 1n, 1n],
        }),
        node('relu', 'Relu', ['convolved'], [output]),
      ],
      initializer: [constant('weights', weights, [4, 3, 3, 3])],
      input: [tensorInfo(input, DataType.FLOAT, ['N', 3, 'H', 'W'])],
      output: [
        typed
          ? tensorInfo(output, DataType.FLOAT, ['N', 4, 'H', 'W'])
          : create(ValueInfoProtoSchema, { name: output }),
      ],
    },
  })
}
