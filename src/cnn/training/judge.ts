import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { StandardScaler } from '../../preprocessing/standard-scaler.ts'
import { SVC } from '../../svm/svc.ts'

/** Rows to fit on and rows to evaluate. */
export interface Sides {
  train: Int32Array
  test: Int32Array
}

/**
 * Fits an SVC with default options on standardised features and predicts other rows.
 *
 * @returns for each matrix of `tests`, which of its rows are labelled correctly
 */
export async function judgeFeatures(
  train: Matrix,
  trainLabels: readonly Label[],
  tests: readonly Matrix[],
  testLabels: readonly Label[],
  signal: AbortSignal | undefined,
): Promise<boolean[][]> {
  const scaler = new StandardScaler()
  const X = await scaler.fitTransform(train)
  const svc = new SVC()
  try {
    await svc.fit(X, [...trainLabels], { signal })
    const right: boolean[][] = []
    for (const test of tests) {
      const found = await svc.predict(await scaler.transform(test), { signal })
      right.push(found.map((label, i) => label === testLabels[i]))
    }
    return right
  } finally {
    svc.dispose()
  }
}

/** Share of true values. */
export function shareOf(right: readonly boolean[]): number {
  return right.filter(Boolean).length / right.length
}

/** Standard error of the difference of two accuracies on the same images, from those on which the two differ. */
export function standardErrorOfDifference(a: readonly boolean[], b: readonly boolean[]): number {
  const n = a.length
  const gained = a.filter((right, i) => right && !b[i]).length
  const lost = b.filter((right, i) => right && !a[i]).length
  const difference = gained - lost
  return Math.sqrt(gained + lost - (difference * difference) / n) / n
}
