import type { ModelProto } from '../proto/onnx.ts'
import { isOnnxDomain } from './operator-set.ts'

/**
 * Operators of ai.onnx that compute each image of a batch independently, with bit-identical results for any
 * batch size. Excluded are matrix products, because a single row may be computed by another code path than
 * several; operators that depend on the whole tensor, such as dynamic quantization; and operators that may
 * slice along the batch.
 */
const apart = new Set([
  ...['Conv', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'LRN'],
  ...['Relu', 'LeakyRelu', 'PRelu', 'Clip', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Elu', 'Tanh', 'Erf'],
  ...['Add', 'Sub', 'Mul', 'Div', 'BatchNormalization', 'Flatten', 'Identity', 'Constant', 'Cast'],
])

/**
 * Whether a network on images [N, C, H, W] consists only of operators that compute each image independently.
 */
export function treatsImagesApart({ graph }: ModelProto): boolean {
  return graph!.node.every(({ opType, domain }) => isOnnxDomain(domain) && apart.has(opType))
}
