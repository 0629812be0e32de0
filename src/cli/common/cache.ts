import { resolve } from 'node:path'
import { invalidArgument, SoftmarginError, show } from '../../core/errors.ts'
import { FeatureStore } from '../../store/feature-store.ts'

/**
 * The store that a file keeps, for a command that is to read and write it.
 *
 * @param argument how the command line calls the file
 * @throws {SoftmarginError} as `FeatureStore.open`, its message led by the name of the file
 */
export async function openCache(path: string, argument: string): Promise<FeatureStore> {
  try {
    return await FeatureStore.open(path)
  } catch (error) {
    if (!(error instanceof SoftmarginError) || error.code !== 'DATA_UNREADABLE') throw error
    const message = `${argument} ${show(path)} is there, but is no feature store that can be read: ${error.message.replace(/^source/, 'it')}`
    throw new SoftmarginError(error.code, message, { argument, received: path, cause: error })
  }
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` if two files that a command writes are one */
export function checkApart(output: string, cache: string): void {
  if (resolve(output) === resolve(cache))
    throw invalidArgument('--cache', cache, 'another file than --output')
}
