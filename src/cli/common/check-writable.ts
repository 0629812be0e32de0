import { access, constants, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { invalidArgument } from '../../core/errors.ts'
import { unwritable } from '../../host/storage/write-file.ts'

/**
 * Checks that a result can be written before the long computation of it begins. Creates the folder if it does not
 * exist.
 *
 * @throws {SoftmarginError} `FILE_UNWRITABLE`; `INVALID_ARGUMENT` for an empty path
 */
export async function checkWritable(path: string): Promise<void> {
  if (path === '') throw invalidArgument('the file to write', path, 'a path')
  try {
    await mkdir(dirname(path), { recursive: true })
    await access(dirname(path), constants.W_OK)
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    )
    if (isFolder) throw new Error('it is a folder')
  } catch (cause) {
    throw unwritable(path, cause)
  }
}
