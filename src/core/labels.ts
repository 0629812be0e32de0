import { invalidArgument } from './errors.ts'

/** The label of a class. All labels of one fit have the same type. */
export type Label = string | number

/**
 * Returns the distinct labels in the order used throughout softmargin: numbers by value, strings by code unit.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a label that is neither a string nor a finite number, and for a
 *   mix of strings and numbers
 */
export function uniqueLabels<L extends Label>(y: ArrayLike<L>, name = 'y'): L[] {
  const seen = new Set<L>()
  const type = typeof y[0]
  for (let i = 0; i < y.length; i++) {
    const label: L = y[i]
    if (typeof label !== 'string' && !Number.isFinite(label)) {
      throw invalidArgument(`${name}[${i}]`, label, 'a label: a string or a finite number')
    }
    if (typeof label !== type) {
      throw invalidArgument(
        `${name}[${i}]`,
        label,
        `a ${type} like ${name}[0], since all labels have one type`,
      )
    }
    seen.add(label)
  }
  return sortLabels([...seen])
}

/** Sorts in place: numbers by value, strings by code unit. */
function sortLabels<L extends Label>(labels: L[]): L[] {
  return labels.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
