// Writes the text format of LIBSVM models.

import { SoftmarginError } from '../../core/errors.ts'
import type { SvcState } from '../model/svc-state.ts'
import { importedFromState } from './export-model.ts'
import { kernelNames, kernelNumbers } from './libsvm-kernels.ts'

/**
 * Writes an SVC as the text of a LIBSVM model (the format of `svm-train` in LIBSVM 3).
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for what the format cannot hold: labels that are not 32-bit integers,
 *   preprocessing steps, or a precomputed kernel
 */
export function writeLibsvm(state: SvcState): string {
  const imported = importedFromState(state)
  const {
    classes,
    kernel,
    supportVectors,
    nSupport,
    dualCoef,
    intercept,
    sigmoids,
    inputSteps = [],
  } = imported
  const odd = classes.find((label) => typeof label !== 'number' || (label | 0) !== label)
  if (odd !== undefined) {
    throw new SoftmarginError(
      'MODEL_UNSUPPORTED',
      `the classes of a LIBSVM model must be 32-bit integers, but one of these is ${JSON.stringify(odd)}`,
      { argument: 'classes', received: odd, expected: 'integer labels' },
    )
  }
  if (inputSteps.length > 0) {
    throw new SoftmarginError(
      'MODEL_UNSUPPORTED',
      `a LIBSVM model cannot hold preprocessing steps, but this model has a ${inputSteps[0].kind}`,
      {
        argument: 'inputSteps',
        received: inputSteps[0].kind,
        expected: 'a model without preprocessing steps',
      },
    )
  }
  const { rows, cols } = supportVectors
  const lines = ['svm_type c_svc', `kernel_type ${kernelNames[kernel.kind]}`]
  for (const name of kernelNumbers[kernel.kind]) lines.push(`${name} ${kernel[name]}`)
  lines.push(`nr_class ${classes.length}`, `total_sv ${rows}`)
  lines.push(`rho ${Array.from(intercept, (value) => 0 - value).join(' ')}`, `label ${classes.join(' ')}`)
  if (sigmoids) lines.push(`probA ${sigmoids.a.join(' ')}`, `probB ${sigmoids.b.join(' ')}`)
  lines.push(`nr_sv ${nSupport.join(' ')}`, 'SV')
  for (let s = 0; s < rows; s++) {
    const words: (string | number)[] = []
    for (let at = s; at < dualCoef.length; at += rows) words.push(dualCoef[at])
    const vector = supportVectors.row(s)
    for (let k = 0; k < cols; k++) {
      // The text does not state the number of columns, so the first vector writes its last entry even if it is zero.
      if (vector[k] !== 0 || (s === 0 && k === cols - 1)) words.push(`${k + 1}:${vector[k]}`)
    }
    lines.push(words.join(' '))
  }
  return `${lines.join('\n')}\n`
}
