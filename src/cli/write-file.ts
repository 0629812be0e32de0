import { randomUUID } from 'node:crypto'
import { access, constants, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SoftmarginError, show } from '../errors.ts'

/**
 * Finds out before long work whether its result can be written. The folder is made if it does not exist.
 *
 * @throws {SoftmarginError} `FILE_UNWRITABLE`
 */
export async function checkWritable(path: string): Promise<void> {
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

/**
 * Writes a file whole or not at all: to a temporary file in the same folder, then renamed over the old one.
 *
 * A reader sees the old bytes or the new ones, also if the machine stops half-way.
 *
 * @throws {SoftmarginError} `FILE_UNWRITABLE`
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`)
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(bytes)
      // Without this a rename can reach the disk before the bytes do.
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw unwritable(path, cause)
  }
}

function unwritable(path: string, cause: unknown): SoftmarginError {
  const message = `the file ${show(path)} cannot be written: ${(cause as Error).message}`
  const details = { argument: 'output', received: path, expected: 'a path that can be written', cause }
  return new SoftmarginError('FILE_UNWRITABLE', message, details)
}
