import { SoftmarginError, show } from '../errors.ts'
import { importBuiltin } from './node.ts'

/**
 * Writes a file whole or not at all: to a temporary file in the same folder, then renamed over the old one.
 *
 * A reader sees the old bytes or the new ones, also if the machine stops half-way.
 *
 * @throws {SoftmarginError} `FILE_UNWRITABLE`
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const { open, rename, rm } = await importBuiltin('node:fs/promises')
  // In the same folder: a rename does not cross file systems.
  const [, folder, name] = /^(.*[/\\])?(.*)$/s.exec(path)!
  const temporary = `${folder ?? ''}.${name}.${crypto.randomUUID()}.tmp`
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
    await syncFolderOf(path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw unwritable(path, cause)
  }
}

/** Makes what a folder holds under which name outlast a power cut, where the system can. */
export async function syncFolderOf(path: string): Promise<void> {
  const { open } = await importBuiltin('node:fs/promises')
  const [folder] = /^.*[/\\]/s.exec(path) ?? ['.']
  try {
    const handle = await open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  } catch {
    // Windows opens no folders, and some file systems sync none.
  }
}

/** The error for a path that cannot be written. */
export function unwritable(path: string, cause: unknown): SoftmarginError {
  const message = `the file ${show(path)} cannot be written: ${(cause as Error).message}`
  const details = { argument: 'output', received: path, expected: 'a path that can be written', cause }
  return new SoftmarginError('FILE_UNWRITABLE', message, details)
}
