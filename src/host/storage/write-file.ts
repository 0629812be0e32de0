import { SoftmarginError, show } from '../../core/errors.ts'
import { importBuiltin } from '../platform/builtins.ts'

/** A temporary file that its process has not touched for so long, and whose process is gone, is removed; milliseconds. */
const abandonedAfter = 60_000
/** One whose process cannot be told to be gone, on a folder that machines share say. */
const forgottenAfter = 24 * 3_600_000

/**
 * Writes a file whole or not at all: to a temporary file in the same folder, then renamed over the old one.
 *
 * A reader sees the old bytes or the new ones, also if the machine stops half-way. What a process that was killed left
 * of an earlier attempt at the same file is removed.
 *
 * @throws {SoftmarginError} `FILE_UNWRITABLE`
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const { open, rename, rm } = await importBuiltin('node:fs/promises')
  // In the same folder: a rename does not cross file systems.
  const [, folder = '', name] = /^(.*[/\\])?(.*)$/s.exec(path)!
  const temporary = `${folder}.${name}.${process.pid}.${crypto.randomUUID()}.tmp`
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
  await removeAbandoned(folder, name)
}

/** Removes temporary files that killed processes left when they wrote a file of this name. */
async function removeAbandoned(folder: string, name: string): Promise<void> {
  const { readdir, rm, stat } = await importBuiltin('node:fs/promises')
  try {
    for (const other of await readdir(folder || '.')) {
      if (!other.startsWith(`.${name}.`)) continue
      const [, pid] =
        /^(\d+)\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.exec(other.slice(name.length + 2)) ?? []
      if (pid === undefined) continue
      const age = Date.now() - (await stat(folder + other)).mtimeMs
      if (age > forgottenAfter || (age > abandonedAfter && isGone(Number(pid)))) await rm(folder + other)
    }
  } catch {
    // A folder that cannot be listed, or a process that was faster: the file itself is written.
  }
}

/** Whether no process of this machine has the number. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
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
