import { resolve } from 'node:path'
import { invalidArgument, SoftmarginError, show } from '../../core/errors.ts'
import { FeatureStore } from '../../store/feature-store.ts'

/**
 * Opens the feature store that a command reads and writes.
 *
 * @param argument the name of the option, for error messages
 * @throws {SoftmarginError} as `FeatureStore.open`, with the name of the file at the start of the message
 */
export async function openCache(path: string, argument: string): Promise<FeatureStore> {
  try {
    return await FeatureStore.open(path)
  } catch (error) {
    if (!(error instanceof SoftmarginError) || error.code !== 'DATA_UNREADABLE') throw error
    const message = `${argument} ${show(path)} exists, but is not a feature store: ${error.message.replace(/^source/, 'it')}`
    throw new SoftmarginError(error.code, message, { argument, received: path, cause: error })
  }
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` if a command's output and another file of it are the same file */
export function checkApart(output: string, other: string, argument = '--cache'): void {
  if (resolve(output) === resolve(other))
    throw invalidArgument(argument, other, 'a different file from --output')
}
