import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { StandardScaler } from '../../preprocessing/standard-scaler.ts'
import { SVC } from '../../svm/svc.ts'

/**
 * Fits an SVC probe, with default options, on the standardised training features.
 *
 * @returns for each row of each matrix of `tests`, whether it is classified correctly
 */
export async function probeFeatures(
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
    const isCorrect: boolean[][] = []
    for (const test of tests) {
      const found = await svc.predict(await scaler.transform(test), { signal })
      isCorrect.push(found.map((label, i) => label === testLabels[i]))
    }
    return isCorrect
  } finally {
    svc.dispose()
  }
}

/** Share of the rows that are classified correctly. */
export function accuracy(isCorrect: readonly boolean[]): number {
  return isCorrect.filter(Boolean).length / isCorrect.length
}

/** Standard error of the difference of two accuracies on the same images, from those on which the two differ. */
export function standardErrorOfDifference(a: readonly boolean[], b: readonly boolean[]): number {
  const n = a.length
  const gained = a.filter((isCorrect, i) => isCorrect && !b[i]).length
  const lost = b.filter((isCorrect, i) => isCorrect && !a[i]).length
  const difference = gained - lost
  return Math.sqrt(gained + lost - (difference * difference) / n) / n
}
