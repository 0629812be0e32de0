import { base64Decode } from '../../core/base64.ts'
import { SoftmarginError, show } from '../../core/errors.ts'
import type { SvmNumbers } from './svm-node.ts'

/**
 * Restores an SVM's parameters to the precision they had before rounding to float32.
 *
 * @param facts output of `exactNumbersToJson`, untrusted
 * @throws {SoftmarginError} `MODEL_UNREADABLE` if they do not round to the values in the operator
 */
export function exactNumbers(rounded: SvmNumbers, facts: unknown): SvmNumbers {
  const exact = object(facts, 'svm')
  const classes = exact.classes
  if (!Array.isArray(classes) || classes.length !== rounded.classes.length) {
    throw unreadable('its metadata and its SVM have different classes')
  }
  classes.forEach((label, i) => {
    const type = typeof label
    const sound = type === 'string' || (type === 'number' && typeof classes[0] === 'number')
    if (!sound || type !== typeof classes[0] || asUtf8(String(label)) !== String(rounded.classes[i])) {
      throw unreadable(
        `class ${i} is ${show(label)} in its metadata but ${show(rounded.classes[i])} in its SVM`,
      )
    }
  })
  const number = (name: 'gamma' | 'coef0' | 'degree') => {
    const value = exact[name]
    if (typeof value !== 'number' || Math.fround(value) !== rounded[name]) {
      throw unreadable(`${name} is ${show(value)} in its metadata but ${rounded[name]} in its SVM`)
    }
    return value
  }
  return {
    ...rounded,
    classes,
    gamma: number('gamma'),
    coef0: number('coef0'),
    degree: number('degree'),
    dualCoef: exactList(exact.dualCoef, rounded.dualCoef, 'dualCoef'),
    intercept: exactList(exact.intercept, rounded.intercept, 'intercept'),
    sigmoids: exactSigmoids(exact.sigmoids, rounded.sigmoids),
  }
}

function exactSigmoids(stored: unknown, rounded: SvmNumbers['sigmoids']): SvmNumbers['sigmoids'] {
  if (stored === undefined && rounded === undefined) return undefined
  if (rounded === undefined) throw unreadable('its metadata has sigmoids, but its SVM has none')
  const { a, b } = object(stored, 'sigmoids')
  return {
    a: exactList(a, rounded.a, 'the slopes of sigmoids'),
    b: exactList(b, rounded.b, 'the offsets of sigmoids'),
  }
}

/** Round trip through UTF-8, which replaces malformed UTF-16. */
function asUtf8(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text))
}

function exactList(text: unknown, rounded: Float64Array, name: string): Float64Array {
  let bytes: Uint8Array
  try {
    bytes = base64Decode(String(text))
  } catch (cause) {
    throw unreadable(`${name} in its metadata is not base64`, cause)
  }
  if (bytes.byteLength !== rounded.byteLength) {
    throw unreadable(
      `${name} in its metadata has ${bytes.byteLength / 8} numbers instead of ${rounded.length}`,
    )
  }
  const exact = new Float64Array(bytes.slice().buffer)
  const at = exact.findIndex((value, i) => Math.fround(value) !== rounded[i])
  if (at >= 0)
    throw unreadable(`${name}[${at}] is ${exact[at]} in its metadata but ${rounded[at]} in its SVM`)
  return exact
}

function object(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw unreadable(`${name} in its metadata is ${show(value)} instead of an object`)
}

function unreadable(why: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the saved SVM cannot be read: ${why}`, { cause })
}
