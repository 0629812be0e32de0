import type { ModelProto } from 'onnx-buf'

/**
 * Operators of ai.onnx that compute each image of a batch by itself, and with the same bits however many there are.
 * Matrix products are not among them (one row may take another path than several), nor is what measures a whole tensor,
 * as quantisation on the fly does, nor what may cut along the batch.
 */
const apart = new Set([
  ...['Conv', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'LRN'],
  ...['Relu', 'LeakyRelu', 'PRelu', 'Clip', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Elu', 'Tanh', 'Erf'],
  ...['Add', 'Sub', 'Mul', 'Div', 'BatchNormalization', 'Flatten', 'Identity', 'Constant', 'Cast'],
])

/** Whether a network of images [N, C, H, W] is made of nothing but operators that leave the images apart. */
export function treatsImagesApart({ graph }: ModelProto): boolean {
  return graph!.node.every(
    ({ opType, domain }) => (domain === '' || domain === 'ai.onnx') && apart.has(opType),
  )
}
