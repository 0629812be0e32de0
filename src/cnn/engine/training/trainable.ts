// How the weights and the bias of a convolution follow from parameters, the trained tensors that its ONNX node reads.

import { show } from '../../../core/errors.ts'
import { attributeOf, integerOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import type { Lowering } from '../lowering/lowering.ts'
import { NotForEngine } from '../lowering/not-for-engine.ts'
import type { Convolution } from '../lowering/operations.ts'

/** A parameter: a tensor that is trained. */
export interface TrainableTensor {
  name: string
  dims: readonly number[]
  /** Read at the start of each batch. */
  values: Float32Array
  /** Its gradient. */
  gradient: Float32Array
}

/** The parameters of a graph. */
export interface Parameters {
  /** The parameter of a name. */
  find(name: string | undefined): TrainableTensor | undefined
  /** Adds to the gradient of a parameter, which is zero before the first node that reads it gives its share. */
  give(tensor: TrainableTensor, gradient: Float32Array): void
}

/** Makes the numbers of a convolution follow from the parameters that its node reads. */
type MakeTrainable = (
  convolution: Convolution,
  node: NodeProto,
  parameters: Parameters,
  lowering: Lowering,
) => void

/** @param nodes all nodes of the graph */
export function parametersOf(tensors: readonly TrainableTensor[], nodes: readonly NodeProto[]): Parameters {
  const byName = new Map(tensors.map((one) => [one.name, one]))
  const readers = new Map<string, number>()
  for (const name of nodes.flatMap(({ input }) => input)) readers.set(name, (readers.get(name) ?? 0) + 1)
  return {
    find: (name) => (name ? byName.get(name) : undefined),
    give: ({ name, gradient: sums }, gradient) => {
      // Copying takes a ninth of the time of adding.
      if (readers.get(name) === 1) sums.set(gradient)
      else for (let i = 0; i < sums.length; i++) sums[i] += gradient[i]
    },
  }
}

/** Weights in the order of the convolution's, and a bias. */
const unchanged: MakeTrainable = (convolution, node, { find, give }) => {
  const [weights, bias] = [find(node.input[1]), find(node.input[2])]
  if (bias && bias.values.length !== convolution.bias.length) throw unsupported(node)
  if (bias) convolution.bias = bias.values
  if (weights) convolution.weights = () => weights.values
  convolution.trainable = {
    refresh: () => {},
    pull: (weightGradient, biasGradient) => {
      if (weights) give(weights, weightGradient)
      if (bias) give(bias, biasGradient)
    },
  }
}

/** A matrix of [rows][filters], and no bias. */
const transposed: MakeTrainable = (convolution, node, { find }) => {
  const matrix = find(node.input[1])
  if (!matrix) throw unsupported(node)
  const [rows, filters] = matrix.dims
  convolution.trainable = {
    refresh: () => {},
    pull: (gradient) => {
      for (let filter = 0; filter < filters; filter++)
        for (let row = 0; row < rows; row++)
          matrix.gradient[row * filters + filter] += gradient[filter * rows + row]
    },
  }
}

const gemm: MakeTrainable = (convolution, node, parameters, lowering) => {
  const isPlain = (name: string) => (attributeOf(node, name)?.f ?? 1) === 1
  if (!isPlain('alpha') || !isPlain('beta')) throw unsupported(node)
  if (integerOf(node, 'transB', 0) === 1) unchanged(convolution, node, parameters, lowering)
  else if (parameters.find(node.input[2])) throw unsupported(node)
  else transposed(convolution, node, parameters, lowering)
}

/** y = (x - mean) / deviation * scale + bias, with a fixed mean and deviation. */
const batchNormalization: MakeTrainable = (convolution, node, { find }, lowering) => {
  const [, scaleName, biasName, meanName, varianceName] = node.input
  if (find(meanName) || find(varianceName)) throw unsupported(node)
  const [mean, variance] = [meanName, varianceName].map((name) => lowering.weights(name).read())
  const epsilon = attributeOf(node, 'epsilon')?.f ?? 1e-5
  const deviations = variance.map((number) => Math.sqrt(number + epsilon))
  const read = (name: string) => lowering.weights(name).read()
  const factors = new Float32Array(mean.length)
  convolution.bias = new Float32Array(mean.length)
  convolution.weights = () => factors
  convolution.trainable = {
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

/** A number for each channel that is added to it, or by which it is multiplied. */
function perChannel(isFactor: boolean): MakeTrainable {
  return (convolution, node, { find, give }) => {
    const tensor = node.input.map(find).find((one) => one)
    if (tensor?.values.length !== convolution.bias.length) throw unsupported(node)
    if (isFactor) convolution.weights = () => tensor.values
    else convolution.bias = tensor.values
    convolution.trainable = {
      refresh: () => {},
      pull: (weights, bias) => give(tensor, isFactor ? weights : bias),
    }
  }
}

const byOperator = new Map<string, MakeTrainable>(
  Object.entries({
    Conv: unchanged,
    Gemm: gemm,
    MatMul: transposed,
    LayerNormalization: unchanged,
    BatchNormalization: batchNormalization,
    Add: perChannel(false),
    Mul: perChannel(true),
  }),
)

/**
 * Makes the operation that a node was lowered to follow from the parameters that the node reads.
 *
 * @throws {NotForEngine} if the node uses them in a way that the engine cannot train
 */
export function makeTrainable(lowering: Lowering, node: NodeProto, parameters: Parameters): void {
  const convolution = lowering.operations.at(-1)
  const make = byOperator.get(node.opType)
  if (convolution?.type !== 'convolution' || convolution.name !== (node.name || node.output[0]) || !make) {
    throw unsupported(node)
  }
  make(convolution, node, parameters, lowering)
  convolution.halves = undefined
  convolution.isMutable = true
}

function unsupported({ name, opType }: NodeProto): NotForEngine {
  return new NotForEngine(`node ${show(name)} (${opType}) has weights that the engine cannot train`)
}
