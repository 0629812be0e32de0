// The metadata that an ONNX file holds besides the numbers of an SVC.

import { SoftmarginError, show } from '../../core/errors.ts'
import { uniqueLabels } from '../../core/labels.ts'
import type { SvmNumbers } from '../../onnx/classifier/svm-node.ts'
import { isFitStatus } from '../model/fit-status.ts'
import { type SvcOptions, svcParameters } from '../model/svc-params.ts'
import type { SvcState } from '../model/svc-state.ts'

/**
 * Restores a state from its numbers and the result of `svcToMetadata`. Both are untrusted.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE`
 */
export function svcFromMetadata(svm: SvmNumbers, facts: unknown): SvcState {
  const { options, fitStatus, nIter, support } = (facts ?? {}) as Record<string, unknown>
  const { classes, kernel, gamma, coef0, degree, supportVectors, nSupport, dualCoef, intercept, sigmoids } =
    svm
  if (sound(() => uniqueLabels(classes, 'classes')).some((label, i) => label !== classes[i])) {
    throw unreadable('its classes are not sorted')
  }
  if (!isFitStatus(fitStatus)) {
    throw unreadable(`its fitStatus is ${show(fitStatus)}`)
  }
  if (options === null || typeof options !== 'object') throw unreadable(`its options are ${show(options)}`)
  const parameters = sound(() => svcParameters(portable(options as SvcOptions)))
  if (parameters.kernel !== kernel || parameters.coef0 !== coef0 || parameters.degree !== degree) {
    throw unreadable("the SVM's options and its numbers have different kernels")
  }
  if (parameters.probability !== (sigmoids !== undefined)) {
    throw unreadable(
      `the SVM's option probability is ${parameters.probability}, which does not match its numbers`,
    )
  }
  return {
    options: parameters,
    classes,
    kernel: { kind: kernel, gamma, coef0, degree },
    supportVectors,
    nSupport: Int32Array.from(nSupport),
    dualCoef,
    intercept,
    nIter: counts(nIter, intercept.length, 'nIter'),
    support: counts(support, supportVectors.rows, 'support'),
    fitStatus,
    sigmoids,
  }
}

/** Returns the options without those that depend on the computer. */
export function portable({ threads: _, cacheSize: __, ...options }: SvcOptions): SvcOptions {
  return options
}

function counts(list: unknown, length: number, name: string): Int32Array {
  const isCount = (value: unknown) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31
  if (Array.isArray(list) && list.length === length && list.every(isCount)) return Int32Array.from(list)
  throw unreadable(`its ${name} is not a list of ${length} integers`)
}

/** Returns the result of a check. Errors about an argument become errors about the file. */
function sound<T>(check: () => T): T {
  try {
    return check()
  } catch (cause) {
    throw unreadable((cause as Error).message, cause)
  }
}

function unreadable(why: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the saved SVM cannot be read: ${why}`, { cause })
}
