// How the weights and the bias of a convolution follow from the tensors of its ONNX node that are learnt.

import { show } from '../../../core/errors.ts'
import { attributeOf, integerOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import type { Lowering } from '../lowering/lowering.ts'
import { NotForEngine } from '../lowering/not-for-engine.ts'
import type { Convolution } from '../lowering/operations.ts'

/** A tensor that is learnt. */
export interface LearntValues {
  name: string
  dims: readonly number[]
  /** Read before each batch, so that whoever changes them need not tell. */
  values: Float32Array
  /** Its gradient. */
  gradient: Float32Array
}

/** Finds the tensor that is learnt under a name. */
type Find = (name: string | undefined) => LearntValues | undefined

/** Makes a convolution follow the learnt tensors of its node. */
type Learn = (convolution: Convolution, node: NodeProto, find: Find, lowering: Lowering) => void

/** Weights in the order that the convolution has, and a bias. */
const asTheyAre: Learn = (convolution, node, find) => {
  const [weights, bias] = [find(node.input[1]), find(node.input[2])]
  if (bias && bias.values.length !== convolution.bias.length) throw unsupported(node)
  if (bias) convolution.bias = bias.values
  if (weights) convolution.weights = () => weights.values
  convolution.learning = {
    refresh: () => {},
    pull: (weightGradient, biasGradient) => {
      if (weights) addTo(weights.gradient, weightGradient)
      if (bias) addTo(bias.gradient, biasGradient)
    },
  }
}

/** A matrix of [rows][filters], and no bias. */
const turned: Learn = (convolution, node, find) => {
  const matrix = find(node.input[1])
  if (!matrix) throw unsupported(node)
  const [rows, filters] = matrix.dims
  convolution.learning = {
    refresh: () => {},
    pull: (gradient) => {
      for (let filter = 0; filter < filters; filter++)
        for (let row = 0; row < rows; row++)
          matrix.gradient[row * filters + filter] += gradient[filter * rows + row]
    },
  }
}

const gemm: Learn = (convolution, node, find, lowering) => {
  const isPlain = (name: string) => (attributeOf(node, name)?.f ?? 1) === 1
  if (!isPlain('alpha') || !isPlain('beta')) throw unsupported(node)
  if (integerOf(node, 'transB', 0) === 1) asTheyAre(convolution, node, find, lowering)
  else if (find(node.input[2])) throw unsupported(node)
  else turned(convolution, node, find, lowering)
}

/** y = (x - mean) / deviation * scale + bias, with a mean and a deviation that are not learnt. */
const batchNormalization: Learn = (convolution, node, find, lowering) => {
  const [, scaleName, biasName, meanName, varianceName] = node.input
  if (find(meanName) || find(varianceName)) throw unsupported(node)
  const [mean, variance] = [meanName, varianceName].map((name) => lowering.weights(name).read())
  const epsilon = attributeOf(node, 'epsilon')?.f ?? 1e-5
  const deviations = variance.map((number) => Math.sqrt(number + epsilon))
  const read = (name: string) => lowering.weights(name).read()
  const factors = new Float32Array(mean.length)
  convolution.bias = new Float32Array(mean.length)
  convolution.weights = () => factors
  convolution.learning = {
    refresh: () => {
      const [scale, bias] = [read(scaleName), read(biasName)]
      for (let i = 0; i < mean.length; i++) {
        factors[i] = scale[i] / deviations[i]
        convolution.bias[i] = bias[i] - mean[i] * factors[i]
      }
    },
    pull: (factorGradient, biasGradient) => {
      const [scale, bias] = [find(scaleName), find(biasName)]
      for (let i = 0; i < mean.length; i++) {
        if (scale) scale.gradient[i] += (factorGradient[i] - mean[i] * biasGradient[i]) / deviations[i]
        if (bias) bias.gradient[i] += biasGradient[i]
      }
    },
  }
}

/** A number a channel that is added, or by which the channel is multiplied. */
function perChannel(isFactor: boolean): Learn {
  return (convolution, node, find) => {
    const tensor = node.input.map(find).find((one) => one)
    if (tensor?.values.length !== convolution.bias.length) throw unsupported(node)
    if (isFactor) convolution.weights = () => tensor.values
    else convolution.bias = tensor.values
    convolution.learning = {
      refresh: () => {},
      pull: (weights, bias) => addTo(tensor.gradient, isFactor ? weights : bias),
    }
  }
}

const learnt = new Map<string, Learn>(
  Object.entries({
    Conv: asTheyAre,
    Gemm: gemm,
    MatMul: turned,
    BatchNormalization: batchNormalization,
    Add: perChannel(false),
    Mul: perChannel(true),
  }),
)

/**
 * Makes the operation that a node was lowered to follow the learnt tensors which the node reads.
 *
 * @throws {NotForEngine} if the node uses them in a way that the engine cannot train
 */
export function learnFrom(lowering: Lowering, node: NodeProto, find: Find): void {
  const convolution = lowering.operations.at(-1)
  const learn = learnt.get(node.opType)
  if (convolution?.type !== 'convolution' || convolution.name !== (node.name || node.output[0]) || !learn) {
    throw unsupported(node)
  }
  learn(convolution, node, find, lowering)
  convolution.halves = undefined
  convolution.isLive = true
}

function addTo(sums: Float32Array, numbers: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] += numbers[i]
}

function unsupported({ name, opType }: NodeProto): NotForEngine {
  return new NotForEngine(`node ${show(name)} (${opType}) has weights that the engine cannot train`)
}
