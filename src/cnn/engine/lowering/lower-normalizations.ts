// Lowering of batch normalization, layer normalization and softmax.

import { show } from '../../../core/errors.ts'
import { attributeOf, integerOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import { scaleChannels } from './lower-windows.ts'
import type { Lower, Lowering, Tensor } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'

const batchNormalization: Lower = (lowering, node) => {
  const [x, ...names] = node.input
  const tensor = lowering.tensor(x)
  const [scale, bias, mean, variance] = names.map((name) => lowering.weights(name).read())
  const { channels, height, width } = tensor.value.shape
  const isRow = tensor.view === 'flat' && height * width === 1
  const isSound = [scale, bias, mean, variance].every((numbers) => numbers?.length === channels)
  if (!isSound || (tensor.view !== 'first' && !isRow) || integerOf(node, 'training_mode', 0) === 1) {
    throw new NotForEngine(`node ${show(node.name)} uses batch normalization in an unsupported way`)
  }
  const epsilon = attributeOf(node, 'epsilon')?.f ?? 1e-5
  const factors = scale.map((factor, i) => factor / Math.sqrt(variance[i] + epsilon))
  const summands = bias.map((summand, i) => {
    return summand - (mean[i] * scale[i]) / Math.sqrt(variance[i] + epsilon)
  })
  scaleChannels(lowering, node, tensor, factors, summands)
}

/**
 * Returns the node's input if `axis` is its channel axis: that of a vector, or the last or second axis of a
 * map.
 */
function isOverChannels(lowering: Lowering, node: NodeProto, axis: number): Tensor {
  const tensor = lowering.tensor(node.input[0])
  const rank = lowering.dims(node.input[0]).length
  const at = axis < 0 ? axis + rank : axis
  const { height, width } = tensor.value.shape
  const isRow = height * width === 1
  const channelAxis = { first: 1, last: 3, flat: isRow ? 1 : -1 }[tensor.view]
  if (at !== channelAxis)
    throw new NotForEngine(`node ${show(node.name)} runs over an axis other than the channels`)
  return tensor
}

const softmax: Lower = (lowering, node) => {
  // Before opset 13, Softmax normalized over all axes from the given one on.
  const isOld = lowering.opset < 13
  const tensor = isOverChannels(lowering, node, integerOf(node, 'axis', isOld ? 1 : -1))
  const { height, width } = tensor.value.shape
  if (isOld && height * width > 1)
    throw new NotForEngine('it has a Softmax of an operator set before 13 over a map')
  lowering.add(node, tensor.value.shape, tensor.view, { type: 'softmax', input: tensor.value })
}

const layerNormalization: Lower = (lowering, node) => {
  const tensor = isOverChannels(lowering, node, integerOf(node, 'axis', -1))
  const { channels } = tensor.value.shape
  if (tensor.view === 'first')
    throw new NotForEngine('it has a LayerNormalization whose channels are not last')
  const scale = lowering.weights(node.input[1]).read()
  const bias = lowering.constant(node.input[2])?.read() ?? new Float32Array(channels)
  if (scale.length !== channels || bias.length !== channels) {
    throw new NotForEngine(`the weights of node ${show(node.name)} do not fit its ${channels} channels`)
  }
  lowering.add(node, tensor.value.shape, tensor.view, {
    type: 'layer-normalization',
    input: tensor.value,
    epsilon: attributeOf(node, 'epsilon')?.f ?? 1e-5,
    scale,
    bias,
  })
}

/** Lowering functions by ONNX operator. */
export const lowerNormalizations = {
  BatchNormalization: batchNormalization,
  Softmax: softmax,
  LayerNormalization: layerNormalization,
} satisfies Record<string, Lower>
