import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SoftmarginError, show } from '../errors.ts'

/**
 * Writes a file whole or not at all: to a temporary file in the same folder, then renamed over the old one.
 *
 * A reader sees the old bytes or the new ones, also if the machine stops half-way. The folder is made if it
 * does not exist.
 *
 * @throws {SoftmarginError} `FILE_UNWRITABLE` if the file cannot be written
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`)
  try {
    await mkdir(folder, { recursive: true })
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
    throw new SoftmarginError(
      'FILE_UNWRITABLE',
      `the file ${show(path)} cannot be written: ${(cause as Error).message}`,
      { argument: 'output', received: path, expected: 'a path that can be written', cause },
    )
  }
}
