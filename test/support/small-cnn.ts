import { create } from '@bufbuild/protobuf'
import { TensorProto_DataType as DataType, type ModelProto, ModelProtoSchema } from 'onnx-buf'
import { constant, node, tensorInfo } from '../../src/onnx/nodes.ts'

/**
 * A network of one convolution and a ReLU, [N, 3, H, W] to [N, 4, H, W], with weights that look random.
 *
 * @param o.names what to call its input and output
 */
export function smallCnn(o: { input?: string; output?: string; opset?: number } = {}): ModelProto {
  const { input = 'image', output = 'map', opset = 17 } = o
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
      output: [tensorInfo(output, DataType.FLOAT, ['N', 4, 'H', 'W'])],
    },
  })
}
