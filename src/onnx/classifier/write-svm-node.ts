import { SoftmarginError } from '../../core/errors.ts'
import { type AttributeValue, node } from '../graph/nodes.ts'
import type { NodeProto } from '../proto/onnx.ts'
import { domain, operator, type SvmNumbers } from './svm-node.ts'

/** Whether all labels fit ONNX's int64 labels; otherwise they are written as strings. */
export function labelsAreIntegers(classes: (string | number)[]): boolean {
  return classes.every((label) => Number.isSafeInteger(label))
}

/**
 * Creates the `SVMClassifier` node. Its attributes are float32, so all numbers are rounded. With sigmoids it
 * outputs one probability per class instead of decision values.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for numbers beyond the range of float32
 */
export function svmNode(
  name: string,
  svm: SvmNumbers,
  input: string,
  label: string,
  scores: string,
): NodeProto {
  const labels: Record<string, AttributeValue> = labelsAreIntegers(svm.classes)
    ? { classlabels_ints: svm.classes.map(BigInt) }
    : { classlabels_strings: svm.classes.map(String) }
  return node(name, `${domain}:${operator}`, [input], [label, scores], {
    ...labels,
    kernel_type: svm.kernel.toUpperCase(),
    kernel_params: float32([svm.gamma, svm.coef0, svm.degree], 'kernel parameter'),
    vectors_per_class: svm.nSupport.map(BigInt),
    support_vectors: svm.supportVectors.data,
    coefficients: float32(svm.dualCoef, 'coefficient'),
    rho: float32(svm.intercept, 'intercept'),
    ...(svm.sigmoids && {
      prob_a: float32(svm.sigmoids.a, 'sigmoid'),
      prob_b: float32(svm.sigmoids.b, 'sigmoid'),
    }),
    post_transform: 'NONE',
  })
}

function float32(values: ArrayLike<number>, what: string): Float32Array {
  const rounded = Float32Array.from(values)
  const at = rounded.findIndex((value) => !Number.isFinite(value))
  if (at < 0) return rounded
  throw new SoftmarginError(
    'MODEL_UNSUPPORTED',
    `an ONNX file stores float32 numbers, but a ${what} of the SVM is ${values[at]}`,
    { received: values[at], expected: 'a number that float32 can hold' },
  )
}
