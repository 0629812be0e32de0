import { SoftmarginError } from '../../core/errors.ts'
import { TensorProto_DataType as DataType, type GraphProto } from '../proto/onnx.ts'
import type { Steps } from './graph-steps.ts'
import { ownPrefix, ports } from './names.ts'
import { type SvmNumbers, svmNode } from './svm-node.ts'

type Sigmoids = NonNullable<SvmNumbers['sigmoids']>

/**
 * Adds the SVM with labels and, instead of decision values, one probability per class.
 *
 * For more than two classes this uses the operator's own pairwise coupling, which follows LIBSVM. For two
 * classes the operator would also run the coupling iteration on the single pair and stop it early, with
 * errors of up to 0.005, so the sigmoid is added as separate nodes.
 */
export function probabilitySteps(
  steps: Steps,
  svm: SvmNumbers & { sigmoids: Sigmoids },
  scaled: string,
): void {
  const name = `${ownPrefix}svm`
  if (svm.classes.length > 2) {
    steps.node(svmNode(name, svm, scaled, ports.label, ports.probabilities))
    return
  }
  const decisions = `${ownPrefix}decisions`
  steps.node(svmNode(name, { ...svm, sigmoids: undefined }, scaled, ports.label, decisions))
  // The operator returns [-f, f] for a decision value f; the first class has probability 1 / (1 + exp(a f +
  // b)).
  const [a] = svm.sigmoids.a
  const [b] = svm.sigmoids.b
  const slopes = steps.constant('sigmoid-slopes', Float32Array.of(a, a))
  const offsets = steps.constant('sigmoid-offsets', Float32Array.of(-b, b))
  const sloped = steps.step('decisions-sloped', 'Mul', [decisions, slopes])
  steps.finish(ports.probabilities, 'Sigmoid', [steps.step('decisions-moved', 'Add', [sloped, offsets])])
}

/**
 * Reads the sigmoid that `probabilitySteps` added after a two-class SVM, if there is one.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE` for a damaged one
 */
export function readSigmoidSteps(graph: GraphProto, classes: number): Sigmoids | undefined {
  const list = (name: string) => {
    const tensor = graph.initializer.find((each) => each.name === ownPrefix + name)
    if (tensor === undefined) return undefined
    const values =
      tensor.rawData.byteLength === 8 ? new Float32Array(tensor.rawData.slice().buffer) : undefined
    if (tensor.dataType === DataType.FLOAT && values?.every(Number.isFinite)) return values
    throw new SoftmarginError(
      'MODEL_UNREADABLE',
      `the saved classifier cannot be read: its ${name} are damaged`,
    )
  }
  const slopes = classes === 2 ? list('sigmoid-slopes') : undefined
  const offsets = classes === 2 ? list('sigmoid-offsets') : undefined
  return slopes && offsets && { a: Float64Array.of(slopes[1]), b: Float64Array.of(offsets[1]) }
}
