import { SoftmarginError } from '../../core/errors.ts'
import { Matrix } from '../../core/matrix.ts'
import type { AttributeProto, NodeProto } from '../proto/onnx.ts'

/** Kernels supported by `ai.onnx.ml.SVMClassifier`. */
export type OnnxKernel = 'linear' | 'poly' | 'rbf' | 'sigmoid'

/**
 * A fitted C-SVC in LIBSVM's conventions, which `ai.onnx.ml.SVMClassifier` shares.
 *
 * Classes are in order, pairs are (0,1), (0,2) ... (1,2) ..., and a positive decision value is a vote for the
 * first class of its pair.
 */
export interface SvmNumbers {
  classes: (string | number)[]
  kernel: OnnxKernel
  gamma: number
  degree: number
  coef0: number
  /** One support vector per row, grouped by class. */
  supportVectors: Matrix
  /** Number of support vectors of each class. */
  nSupport: number[]
  /**
   * [classes - 1, support vectors] in row-major order: row `j` holds each vector's coefficient against the
   * j-th other class.
   */
  dualCoef: Float64Array
  /** Intercept of each pair's decision function. */
  intercept: Float64Array
  /**
   * Platt scaling, one sigmoid per pair: for a decision value f the first class has probability 1 / (1 +
   * exp(a f + b)).
   */
  sigmoids?: { a: Float64Array; b: Float64Array } | undefined
}

export const operator = 'SVMClassifier'
export const domain = 'ai.onnx.ml'
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Whether a node is an `SVMClassifier`. */
export function isSvmNode(candidate: NodeProto): boolean {
  return candidate.opType === operator && candidate.domain === domain
}

/**
 * Reads an `SVMClassifier` node. The node is untrusted: lengths, counts, finiteness and class names are
 * validated.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE` for an inconsistent node, `MODEL_UNSUPPORTED` for a valid one
 *   that is not a C-SVC
 */
export function readSvmNode(svm: NodeProto): SvmNumbers {
  const attributes = new Map(svm.attribute.map((attribute) => [attribute.name, attribute]))
  const classes = readClasses(attributes)
  const nSupport = (attributes.get('vectors_per_class')?.ints ?? []).map(Number)
  if (nSupport.length === 0) {
    throw new SoftmarginError(
      'MODEL_UNSUPPORTED',
      'the SVMClassifier has no vectors_per_class; only models with support vectors can be read',
    )
  }
  if (nSupport.length !== classes.length) {
    throw unreadable(`it has ${classes.length} classes but vectors_per_class for ${nSupport.length}`)
  }
  const bad = nSupport.find((count) => !Number.isSafeInteger(count) || count < 0)
  if (bad !== undefined) throw unreadable(`vectors_per_class contains ${bad}`)
  const rows = nSupport.reduce((sum, count) => sum + count, 0)

  const vectors = floats(attributes, 'support_vectors')
  if (rows === 0 || vectors.length === 0 || vectors.length % rows !== 0) {
    throw unreadable(
      `the ${vectors.length} numbers of support_vectors cannot be divided among ${rows} vectors`,
    )
  }
  const coefficients = floats(attributes, 'coefficients')
  const wantedCoefficients = (classes.length - 1) * rows
  if (coefficients.length !== wantedCoefficients) {
    throw unreadable(`it has ${coefficients.length} coefficients instead of ${wantedCoefficients}`)
  }
  const rho = floats(attributes, 'rho')
  const pairs = (classes.length * (classes.length - 1)) / 2
  if (rho.length !== pairs) throw unreadable(`it has ${rho.length} numbers in rho instead of ${pairs}`)

  const a = floats(attributes, 'prob_a')
  const b = floats(attributes, 'prob_b')
  if (a.length !== b.length || (a.length !== 0 && a.length !== pairs)) {
    throw unreadable(`it has ${a.length} and ${b.length} numbers in prob_a and prob_b instead of ${pairs}`)
  }

  const kernel = readKernel(attributes)
  const kernelParams = floats(attributes, 'kernel_params')
  if (kernelParams.length !== 3 && !(kernel === 'linear' && kernelParams.length === 0)) {
    throw unreadable(`kernel_params must be gamma, coef0 and degree, but has ${kernelParams.length} numbers`)
  }
  const [gamma = 1, coef0 = 0, degree = 3] = kernelParams
  return {
    classes,
    kernel,
    gamma,
    coef0,
    degree,
    supportVectors: new Matrix(Float32Array.from(vectors), rows, vectors.length / rows),
    nSupport,
    dualCoef: Float64Array.from(coefficients),
    intercept: Float64Array.from(rho),
    sigmoids: a.length > 0 ? { a: Float64Array.from(a), b: Float64Array.from(b) } : undefined,
  }
}

function readClasses(attributes: Map<string, AttributeProto>): (string | number)[] {
  const integers = (attributes.get('classlabels_ints')?.ints ?? []).map(Number)
  const strings = (attributes.get('classlabels_strings')?.strings ?? []).map(text)
  const classes: (string | number)[] = strings.length > 0 ? strings : integers
  if (classes.length < 2) throw unreadable(`it has ${classes.length} classes`)
  if (new Set(classes).size !== classes.length) throw unreadable('two of its classes have the same name')
  const unsafe = integers.find((label) => !Number.isSafeInteger(label))
  if (unsafe !== undefined)
    throw unreadable(`its class label ${unsafe} exceeds 2^53, beyond which a number is not exact`)
  return classes
}

function readKernel(attributes: Map<string, AttributeProto>): OnnxKernel {
  const stored = attributes.get('kernel_type')
  const kernel = stored === undefined ? 'linear' : text(stored.s).toLowerCase()
  if (kernel === 'linear' || kernel === 'poly' || kernel === 'rbf' || kernel === 'sigmoid') return kernel
  throw unreadable(`its kernel_type is '${kernel}'`)
}

function floats(attributes: Map<string, AttributeProto>, name: string): number[] {
  const values = attributes.get(name)?.floats ?? []
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at >= 0) throw unreadable(`${name}[${at}] is ${values[at]}`)
  return values
}

function text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw unreadable('it contains a string that is not UTF-8', cause)
  }
}

function unreadable(why: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the SVMClassifier in the model cannot be read: ${why}`, {
    cause,
  })
}
