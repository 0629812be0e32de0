import type { Random } from '../../core/random.ts'
import type { Tail } from '../../onnx/gradient/tail.ts'
import { integerOf } from '../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../onnx/proto/onnx.ts'
import type { TrainableTensor } from './trainable-step.ts'

/**
 * Replaces trained weights by the values from which a training from nothing starts: uniform random numbers with He's
 * variance, 2 / fan-in (He et al., arXiv:1502.01852), zeros for biases, ones for the scales of normalizations.
 *
 * Weights that are read in any other way keep their values.
 */
export function resetWeights(tail: Tail, parameters: readonly TrainableTensor[], random: Random): void {
  const byName = new Map(parameters.map((one) => [one.name, one]))
  for (const node of tail.model.graph!.node) {
    const [weight, bias] = [byName.get(node.input[1]), byName.get(node.input[2] ?? '')]
    bias?.values.fill(0)
    if (!weight) continue
    if (node.opType.endsWith('Normalization')) {
      weight.values.fill(1)
      continue
    }
    const inputs = fanIn(node, weight.dims)
    if (inputs === undefined) continue
    const bound = Math.sqrt(6 / inputs)
    for (let i = 0; i < weight.values.length; i++) weight.values[i] = bound * (random.uint32() / 2 ** 31 - 1)
  }
}

/** Number of inputs of each output of an operator; `undefined` for operators without a weight matrix. */
function fanIn(node: NodeProto, dims: readonly number[]): number | undefined {
  const product = (sizes: readonly number[]) => sizes.reduce((all, n) => all * n, 1)
  switch (node.opType) {
    case 'Conv':
      return product(dims.slice(1))
    case 'Gemm':
      return integerOf(node, 'transB', 0) === 1 ? dims[1] : dims[0]
    case 'MatMul':
      return dims.at(-2)
    default:
      return undefined
  }
}
