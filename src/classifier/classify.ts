import { invalidArgument } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImagesCall } from './classifier-options.ts'

/** A class with its probability, 0 to 1. */
export interface RankedLabel<L extends Label = Label> {
  label: L
  probability: number
}

/** Options of `classify`. */
export interface ClassifyOptions extends ImagesCall {
  /** Number of classes to return for each image, the most probable ones. Default: all. */
  top?: number | undefined
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkTop(top: unknown): void {
  if (top === undefined || (Number.isSafeInteger(top) && (top as number) >= 1)) return
  throw invalidArgument('top', top, 'an integer of 1 or more')
}

/**
 * The classes of each image, most probable first; equally probable ones keep the order of `classes`.
 *
 * @param probabilities [images, classes]; a row of NaN, for an image that could not be read, gives an empty list
 */
export function rankLabels<L extends Label>(
  classes: readonly L[],
  probabilities: Matrix,
  top = classes.length,
): RankedLabel<L>[][] {
  return Array.from({ length: probabilities.rows }, (_, i) => {
    const row = probabilities.row(i)
    if (Number.isNaN(row[0])) return []
    return classes
      .map((label, c) => ({ label, probability: row[c] }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, top)
  })
}
