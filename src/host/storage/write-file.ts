// Atomic writing of files.

import { SoftmarginError, show } from '../../core/errors.ts'
import { importBuiltin } from '../platform/builtins.ts'

/** A temporary file not written for this long is deleted if no process has its process id; milliseconds. */
const STALE_MS = 60_000
/**
 * The same if a process has that id. It is hardly the one that wrote the file: a write is much shorter, ids are given
 * again, and in a folder shared between hosts the id is that of another host.
 */
const STALE_UNKNOWN_MS = 24 * 3_600_000

/**
 * Writes a file atomically: to a temporary file in the same folder, which is then renamed over the old one.
 *
 * A reader sees either the old bytes or the new ones, even if the system crashes. Temporary files that killed
 * processes left for the same file are deleted.
 *
 * @throws {SoftmarginError} `FILE_UNWRITABLE`
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const { open, rename, rm } = await importBuiltin('node:fs/promises')
  // In the same folder, since a rename cannot cross file systems.
  const [, folder = '', name] = /^(.*[/\\])?(.*)$/s.exec(path)!
  const temporary = `${folder}.${name}.${process.pid}.${crypto.randomUUID()}.tmp`
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(bytes)
      // Without this, the rename can reach the disk before the bytes do.
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
  await removeStale(folder, name)
}

/** Deletes temporary files that killed processes left when they wrote a file of this name. */
async function removeStale(folder: string, name: string): Promise<void> {
  const { readdir, rm, stat } = await importBuiltin('node:fs/promises')
  try {
    for (const other of await readdir(folder || '.')) {
      if (!other.startsWith(`.${name}.`)) continue
      const [, pid] =
        /^(\d+)\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.exec(other.slice(name.length + 2)) ?? []
      if (pid === undefined) continue
      const age = Date.now() - (await stat(folder + other)).mtimeMs
      if (age > STALE_UNKNOWN_MS || (age > STALE_MS && isGone(Number(pid)))) await rm(folder + other)
    }
  } catch {
    // The folder cannot be listed, or another process was faster. The file itself has been written, so this is
    // not an error.
  }
}

/** Whether no process on this host has this id. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Syncs the folder of a file, where the system supports it, so that a new name survives a power cut. */
export async function syncFolderOf(path: string): Promise<void> {
  const { open } = await importBuiltin('node:fs/promises')
  const [folder] = /^.*[/\\]/s.exec(path) ?? ['.']
  try {
    const handle = await open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  } catch {
    // Windows cannot open folders, and some file systems cannot sync them.
  }
}

/** The error for a path that cannot be written. */
export function unwritable(path: string, cause: unknown): SoftmarginError {
  const message = `the file ${show(path)} cannot be written: ${(cause as Error).message}`
  const details = { argument: 'path', received: path, expected: 'a path that can be written', cause }
  return new SoftmarginError('FILE_UNWRITABLE', message, details)
}
