// Reads the text format of LIBSVM models.

import { invalidArgument, SoftmarginError } from '../../core/errors.ts'
import { SparseRows } from '../../data/sparse-rows.ts'
import { decimal, quote, readPairs } from '../../data/sparse-text.ts'
import type { Kernel } from '../../engine/kernel/kernel.ts'
import { pairCount } from '../../engine/kernel/pairs.ts'
import type { SvcState } from '../model/svc-state.ts'
import { stateFromImported } from './import-model.ts'
import { kernelNames, kernelNumbers } from './libsvm-kernels.ts'

/**
 * Reads the text of a LIBSVM model of type C-SVC, or nu-SVC, which predicts in the same way. The text is untrusted.
 *
 * @param columns number of columns of the rows to predict; default: the greatest index in the text
 * @throws {SoftmarginError} `MODEL_UNREADABLE` with the line number, `MODEL_UNSUPPORTED` for other types of models,
 *   `OUT_OF_MEMORY` for an impossible dimension, `INVALID_ARGUMENT`
 */
export function readLibsvm(text: string, columns?: number): SvcState<number> {
  if (typeof text !== 'string') throw invalidArgument('text', text, 'the text of a LIBSVM model')
  if (columns !== undefined && (!Number.isSafeInteger(columns) || columns < 1)) {
    throw invalidArgument('columns', columns, 'an integer of 1 or more')
  }
  const lines = new Lines(text)
  const header = new Header(lines)
  const kernel = readKernel(header)
  const classes = header.integers('label', header.count('nr_class'))
  if (classes.length < 2) throw unsupported('it has fewer than two classes')
  if (new Set(classes).size !== classes.length) throw unreadable('two of its labels are equal')
  const pairs = pairCount(classes.length)
  const intercept = header.numbers('rho', pairs).map((value) => 0 - value)
  const sigmoids = header.has('probA')
    ? { a: header.numbers('probA', pairs), b: header.numbers('probB', pairs) }
    : undefined
  const nSupport = Int32Array.from(header.integers('nr_sv', classes.length))
  const total = header.count('total_sv')
  let sum = 0
  for (const count of nSupport) {
    if (count < 0) throw unreadable(`nr_sv contains ${count}`)
    sum += count
  }
  if (sum !== total) throw unreadable(`nr_sv adds up to ${sum}, but total_sv is ${total}`)
  const { rows, coefficients } = readVectors(lines, total, classes.length - 1)
  if (columns !== undefined && columns < rows.width) {
    throw invalidArgument('columns', columns, `at least ${rows.width}, the greatest index in the model`)
  }
  const width = columns ?? rows.width
  if (width === 0) throw unreadable('its support vectors have no columns')
  const dualCoef = new Float64Array(coefficients.length)
  const others = classes.length - 1
  for (let s = 0; s < total; s++) {
    for (let line = 0; line < others; line++) dualCoef[line * total + s] = coefficients[s * others + line]
  }
  const supportVectors = rows.toMatrix(width, 'the model')
  return stateFromImported({ classes, kernel, supportVectors, nSupport, dualCoef, intercept, sigmoids })
}

/** Iterates over the lines of a text without splitting all of it. */
class Lines {
  /** Number of the line read last, from 1. */
  number = 0
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  next(): string | undefined {
    if (this.#at >= this.#text.length) return undefined
    const end = this.#text.indexOf('\n', this.#at)
    const line = this.#text.slice(this.#at, end < 0 ? undefined : end)
    this.#at = end < 0 ? this.#text.length : end + 1
    this.number++
    return line.trimEnd()
  }
}

/** The header, up to the line `SV`: in each line a name and its values. */
class Header {
  readonly #words = new Map<string, string[]>()

  constructor(lines: Lines) {
    for (let line = lines.next(); line !== 'SV'; line = lines.next()) {
      if (line === undefined) throw unreadable("it is truncated or not a LIBSVM model: it has no line 'SV'")
      const [name, ...words] = line.split(/\s+/)
      if (this.#words.has(name)) throw unreadable(`line ${lines.number} repeats ${quote(name, 0)}`)
      this.#words.set(name, words)
      // Stops at the first line of a file in another format, instead of reading it to the end.
      if (!this.#words.has('svm_type')) throw unreadable(`it begins with ${quote(line, 0)}, not svm_type`)
    }
  }

  has(name: string): boolean {
    return this.#words.has(name)
  }

  word(name: string): string {
    const words = this.#words.get(name)
    if (words?.length !== 1) throw unreadable(`${name} has ${words?.length ?? 0} values instead of 1`)
    return words[0]
  }

  numbers(name: string, count: number): Float64Array {
    const words = this.#words.get(name) ?? []
    if (words.length !== count) throw unreadable(`${name} has ${words.length} numbers instead of ${count}`)
    return Float64Array.from(words, (word) => {
      const value = decimal(word)
      if (!Number.isFinite(value)) throw unreadable(`${name} contains ${quote(word, 0)}`)
      return value
    })
  }

  integers(name: string, count: number): number[] {
    return Array.from(this.numbers(name, count), (value) => {
      if ((value | 0) !== value) throw unreadable(`${name} contains ${value}`)
      return value
    })
  }

  count(name: string): number {
    const [value] = this.integers(name, 1)
    if (value < 0) throw unreadable(`${name} is ${value}`)
    return value
  }
}

function readKernel(header: Header): Kernel {
  const type = header.word('svm_type')
  if (type !== 'c_svc' && type !== 'nu_svc') throw unsupported(`its svm_type is ${quote(type, 0)}`)
  const name = header.word('kernel_type')
  const kinds = Object.keys(kernelNames) as Kernel['kind'][]
  const kind = kinds.find((each) => kernelNames[each] === name)
  if (kind === undefined) throw unsupported(`its kernel_type is ${quote(name, 0)}`)
  const kernel: Kernel = { kind, gamma: 1, coef0: 0, degree: 3 }
  for (const parameter of kernelNumbers[kind]) kernel[parameter] = header.numbers(parameter, 1)[0]
  return kernel
}

/**
 * Reads the support vectors. Each line holds the coefficients against the other classes, then the `index:value`
 * pairs.
 */
function readVectors(lines: Lines, total: number, others: number) {
  const rows = new SparseRows()
  const coefficients: number[] = []
  const fail = (why: string) => unreadable(`line ${lines.number}: ${why}`)
  for (let s = 0; s < total; s++) {
    const line = lines.next()
    if (line === undefined) throw unreadable(`it is truncated: it has ${s} of ${total} support vectors`)
    let at = 0
    for (let i = 0; i < others; i++) {
      const end = wordEnd(line, at)
      const value = decimal(line.slice(at, end))
      if (!Number.isFinite(value)) throw fail(`${quote(line, at)} is not a coefficient`)
      coefficients.push(value + 0)
      at = end + 1
    }
    rows.begin()
    readPairs(line, at, 1, (index, value) => rows.add(index - 1, value), fail)
  }
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    if (line !== '') throw fail(`text follows the ${total} support vectors`)
  }
  return { rows, coefficients }
}

function wordEnd(line: string, from: number): number {
  const end = line.indexOf(' ', from)
  return end < 0 ? line.length : end
}

function unreadable(why: string): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the text must be a LIBSVM model, but ${why}`, {
    argument: 'text',
    expected: 'a LIBSVM model',
  })
}

function unsupported(why: string): SoftmarginError {
  return new SoftmarginError('MODEL_UNSUPPORTED', `the LIBSVM model is not supported: ${why}`, {
    argument: 'text',
    expected: 'a classifier (c_svc or nu_svc) with a linear, polynomial, rbf or sigmoid kernel',
  })
}
