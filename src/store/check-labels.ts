import { invalidArgument } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'

/**
 * Checks that a store can return labels unchanged. One store may hold labels of both types.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a value that is neither a string nor a finite number, and for a
 *   string that ends in a NUL character, which NumPy's string arrays do not preserve
 */
export function checkStoreLabels(labels: ArrayLike<Label>): void {
  for (let i = 0; i < labels.length; i++) {
    const label: unknown = labels[i]
    if (label === undefined || Number.isFinite(label)) continue
    if (typeof label !== 'string') throw invalidArgument(`labels[${i}]`, label, 'a string or a finite number')
    if (label.endsWith('\0'))
      throw invalidArgument(`labels[${i}]`, label, 'a string that does not end with a NUL character')
  }
}
