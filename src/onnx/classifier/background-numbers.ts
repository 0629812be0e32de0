import type { KnownTensors } from './known-tensors.ts'

/** Whitened rows, R x F, and what their kernel values count for in the score of each class, R x classes. */
export interface BackgroundRows {
  rows: Float32Array
  coefficients: Float32Array
}

/**
 * What images of other things than the classes add to the score of a feature vector x for a class c. With y as in
 * `KnownNumbers`, z = (x - mean) whiten, and squared distances s of y to rows:
 *
 * quadratic |z|^2 + sum over all rows of exp(-gamma s) coefficients[row, c]
 * + neighbours (log of the sum over `near` of exp(-s / bandwidth) - the same over `far`)
 */
export interface BackgroundNumbers {
  /** F values: the mean of the background. */
  mean: Float64Array
  /** F x F. */
  whiten: Float32Array
  /** Rows of the classes. */
  near: BackgroundRows
  /** Rows of the background. */
  far: BackgroundRows
  quadratic: number
  gamma: number
  bandwidth: number
  neighbours: number
}

/** The names of the tensors in a file. */
export const backgroundNames = {
  mean: 'background-mean',
  whiten: 'background-whiten',
  quadratic: 'background-quadratic',
  gamma: 'background-gamma',
  bandwidth: 'background-bandwidth',
  neighbours: 'background-neighbours',
}
export const rowsName = (side: string) => `background-${side}-rows`
export const coefficientsName = (side: string) => `background-${side}-coefficients`

/**
 * Reads the numbers that `backgroundSteps` wrote, if any.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE`
 */
export function readBackground(
  tensors: KnownTensors,
  features: number,
  classes: number,
): BackgroundNumbers | undefined {
  if (!tensors.has(backgroundNames.mean)) return undefined
  const side = (name: string): BackgroundRows => {
    const count = Math.max(1, Math.floor(tensors.bytes(rowsName(name)) / 4 / features))
    return {
      rows: tensors.floats(rowsName(name), count * features),
      coefficients: tensors.floats(coefficientsName(name), count * classes),
    }
  }
  return {
    mean: tensors.doubles(backgroundNames.mean, features),
    whiten: tensors.floats(backgroundNames.whiten, features * features),
    near: side('near'),
    far: side('far'),
    quadratic: tensors.positive(backgroundNames.quadratic),
    gamma: tensors.positive(backgroundNames.gamma),
    bandwidth: tensors.positive(backgroundNames.bandwidth),
    neighbours: tensors.positive(backgroundNames.neighbours),
  }
}
