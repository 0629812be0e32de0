import { TensorProto_DataType as DataType } from '../proto/onnx.ts'
import {
  type BackgroundNumbers,
  coefficientsName,
  backgroundNames as names,
  rowsName,
} from './background-numbers.ts'
import type { Steps } from './graph-steps.ts'

type Attributes = Parameters<Steps['step']>[3]

const sides = ['near', 'far'] as const

/** Tensors of the score without a background. */
interface KnownStepNames {
  /** x as float64, [N, F] */
  exact: string
  /** y, [N, F] */
  white: string
  /** |y|^2, [N, 1] */
  norm: string
  /** F ones, [F, 1] */
  ones: string
  /** The scores, [N, classes] */
  plain: string
}

/** Adds the terms of a background to the scores. @returns the name of the sum, [N, classes] */
export function backgroundSteps(
  steps: Steps,
  background: BackgroundNumbers,
  { exact, white, norm, ones, plain }: KnownStepNames,
): string {
  const { mean } = background
  const features = mean.length
  const classes = background.far.coefficients.length / (background.far.rows.length / features)
  const scalar = (name: keyof typeof names, value: number) =>
    steps.constant(names[name], Float32Array.of(value))
  const centred = steps.step('background-centred', 'Sub', [exact, steps.constant(names.mean, mean)])
  const single = steps.step('background-single', 'Cast', [centred], { to: BigInt(DataType.FLOAT) })
  const whiten = steps.constant(names.whiten, background.whiten, [features, features])
  const otherWhite = steps.step('background-white', 'MatMul', [single, whiten])
  const squares = steps.step('background-squares', 'Mul', [otherWhite, otherWhite])
  const curved = steps.step('background-curved', 'Mul', [
    steps.step('background-norm', 'MatMul', [squares, ones]),
    scalar('quadratic', background.quadratic),
  ])
  const gamma = scalar('gamma', background.gamma)
  const bandwidth = scalar('bandwidth', background.bandwidth)
  const minusTwo = steps.constant('background-minus-two', Float32Array.of(-2))
  const doubled = steps.step('background-doubled', 'Mul', [white, minusTwo])
  const found = sides.map((side) => {
    const step = (name: string, op: string, inputs: string[], attributes: Attributes = {}) =>
      steps.step(`background-${side}-${name}`, op, inputs, attributes)
    const constant = (name: string, values: Float32Array | BigInt64Array, dims?: number[]) =>
      steps.constant(`background-${side}-${name}`, values, dims)
    const { rows, coefficients } = background[side]
    const count = rows.length / features
    const matrix = steps.constant(rowsName(side), rows, [count, features])
    const norms = constant('norms', squareNorms(rows, features), [1, count])
    // |y - r|^2 = |y|^2 - 2 y r + |r|^2, which rounding may make negative.
    const products = step('products', 'Gemm', [doubled, matrix, norms], { transB: 1n })
    const square = step('square', 'Relu', [step('sum', 'Add', [products, norm])])
    const kernel = step('kernel', 'Exp', [step('exponent', 'Neg', [step('scaled', 'Mul', [square, gamma])])])
    const regression = step('regression', 'MatMul', [
      kernel,
      steps.constant(coefficientsName(side), coefficients, [count, classes]),
    ])
    const closeness = step('closeness', 'Neg', [step('distance', 'Div', [square, bandwidth])])
    // The maximum of each row, by an operator that is the same in all opsets.
    const planes = constant('planes', BigInt64Array.of(-1n, 1n, BigInt(count)))
    const most = step('most', 'GlobalMaxPool', [step('plane', 'Reshape', [closeness, planes])])
    const column = step('column', 'Reshape', [most, constant('column-shape', BigInt64Array.of(-1n, 1n))])
    const shares = step('shares', 'Exp', [step('below', 'Sub', [closeness, column])])
    const allOnes = constant('ones', new Float32Array(count).fill(1), [count, 1])
    const logSum = step('log', 'Log', [step('total', 'MatMul', [shares, allOnes])])
    return { regression, density: step('density', 'Add', [logSum, column]) }
  })
  const [near, far] = found
  const nearer = steps.step('background-nearer', 'Mul', [
    steps.step('background-ratio', 'Sub', [near.density, far.density]),
    scalar('neighbours', background.neighbours),
  ])
  const common = steps.step('background-common', 'Add', [curved, nearer])
  const regression = steps.step('background-regression', 'Add', [near.regression, far.regression])
  const own = steps.step('background-own', 'Add', [plain, regression])
  return steps.step('background-scores', 'Add', [own, common])
}

function squareNorms(rows: Float32Array, features: number): Float32Array {
  const norms = new Float32Array(rows.length / features)
  for (let i = 0, at = 0; i < norms.length; i++) {
    let sum = 0
    for (let f = 0; f < features; f++, at++) sum += rows[at] * rows[at]
    norms[i] = sum
  }
  return norms
}
