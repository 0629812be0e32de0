import { base64Encode } from '../../core/base64.ts'
import type { SvmNumbers } from './svm-node.ts'

/**
 * The SVM parameters at full precision, which the operator's float32 attributes round, as JSON for a file's
 * metadata.
 */
export function exactNumbersToJson(svm: SvmNumbers): object {
  const { classes, gamma, coef0, degree, dualCoef, intercept, sigmoids } = svm
  return {
    ...{ classes, gamma, coef0, degree },
    dualCoef: base64(dualCoef),
    intercept: base64(intercept),
    sigmoids: sigmoids && { a: base64(sigmoids.a), b: base64(sigmoids.b) },
  }
}

function base64(values: Float64Array): string {
  return base64Encode(new Uint8Array(values.slice().buffer))
}
