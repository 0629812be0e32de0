import { invalidArgument, SoftmarginError, shapeMismatch } from './errors.ts'
import { type Label, uniqueLabels } from './labels.ts'

/** Labels encoded as indices into a sorted list of classes. */
export interface EncodedLabels<L extends Label = Label> {
  /** The distinct labels, sorted: numbers by value, strings by code unit. */
  classes: L[]
  /** For each row, the index of its label in `classes`. */
  codes: Int32Array
}

/**
 * Returns the classes and, for each row, the index of its class.
 *
 * @throws {SoftmarginError} as `uniqueLabels`
 */
export function encodeLabels<L extends Label>(y: ArrayLike<L>, name = 'y'): EncodedLabels<L> {
  const classes = uniqueLabels(y, name)
  const position = new Map(classes.map((label, i) => [label, i]))
  const codes = new Int32Array(y.length)
  for (let i = 0; i < y.length; i++) codes[i] = position.get(y[i])!
  return { classes, codes }
}

/** Returns the number of rows of each class. */
export function countCodes({ classes, codes }: EncodedLabels): Int32Array {
  const counts = new Int32Array(classes.length)
  for (const code of codes) counts[code]++
  return counts
}

/** Returns the row numbers of each class. */
export function rowsOfClasses({ classes, codes }: EncodedLabels): Int32Array[] {
  const rows: number[][] = classes.map(() => [])
  for (const [row, code] of codes.entries()) rows[code].push(row)
  return rows.map((groupRows) => Int32Array.from(groupRows))
}

/**
 * Checks that there is one label for each of `rows` rows.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` if `y` is not a list, `SHAPE_MISMATCH` if its length differs,
 *   `EMPTY_INPUT` if it is empty
 */
export function checkLabels(y: ArrayLike<Label>, rows: number, name = 'y', rowsName = 'X'): void {
  if (y === null || typeof y !== 'object' || typeof y.length !== 'number') {
    throw invalidArgument(name, y, 'an array of labels')
  }
  if (y.length !== rows)
    throw shapeMismatch(name, y.length, `${rows} labels, one for each row of ${rowsName}`)
  if (rows === 0) {
    throw new SoftmarginError('EMPTY_INPUT', `${name} must have at least one label, but has none`, {
      argument: name,
      received: 0,
      expected: 'at least one label',
    })
  }
}

/**
 * Checks that there are at least two classes.
 *
 * @throws {SoftmarginError} `ONE_CLASS`
 */
export function checkClasses(classes: readonly Label[], name = 'y'): void {
  if (classes.length >= 2) return
  const only = classes.length === 1 ? `only ${JSON.stringify(classes[0])}` : 'none'
  throw new SoftmarginError('ONE_CLASS', `${name} must hold at least two classes, but holds ${only}`, {
    argument: name,
    received: classes[0],
    expected: 'at least two classes',
  })
}
