// The pairs of classes of a one-vs-one model, in LIBSVM's order: (0, 1), (0, 2), ..., (1, 2), ...

/** Number of pairs (i, j) with i < j. */
export function pairCount(classes: number): number {
  return (classes * (classes - 1)) / 2
}

/** All pairs (i, j) with i < j. */
export function pairsOf(classes: number): [number, number][] {
  const pairs: [number, number][] = []
  for (let i = 0; i < classes; i++) for (let j = i + 1; j < classes; j++) pairs.push([i, j])
  return pairs
}

/** Index of the pair (i, j), i < j. */
export function pairIndex(i: number, j: number, classes: number): number {
  return (i * (2 * classes - i - 3)) / 2 + j - 1
}

/**
 * Where the coefficients of class `own` in its pair with class `other` are: the row of LIBSVM's (classes - 1) x vectors
 * coefficients.
 */
export function coefficientRow(code: number, other: number): number {
  return other > code ? other - 1 : other
}

/** For each class, the numbers of its support vectors, which are grouped by class. */
export function vectorsOfClasses(nSupport: ArrayLike<number>): Int32Array[] {
  let start = 0
  return Array.from(nSupport, (count) => {
    start += count
    return Int32Array.from({ length: count }, (_, k) => start - count + k)
  })
}
