import { invalidArgument } from '../core/errors.ts'

/**
 * Checks the option that sets the number of rows per batch.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function checkBatchSize(batchSize: number): void {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw invalidArgument('batchSize', batchSize, 'an integer of 1 or more')
  }
}
