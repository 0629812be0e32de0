// A lock file that one process at a time can hold.

import { SoftmarginError, show } from '../../core/errors.ts'
import { importBuiltin } from '../platform/builtins.ts'
import { unwritable } from '../storage/write-file.ts'

type Files = typeof import('node:fs')

/** The holder of a lock, stored as JSON in the lock file. */
interface Owner {
  pid: number
  /** The host and its boot id: a process id means nothing on another host or after a reboot. */
  host: string
  boot?: string | undefined
  /** The start time of the process in clock ticks since boot, since process ids are reused. */
  started?: string | undefined
  /** Unique for each lock. */
  id: string
}

/**
 * A lock file without a valid owner is abandoned after this many milliseconds: its process died before it had written
 * the owner.
 */
const abandonedAfter = 10_000

/** The locks held by this process. */
const held = new Set<FileLock>()

/**
 * A lock that one process at a time can hold: a file that names its owner. The lock of a process that has ended is
 * taken over.
 */
export class FileLock {
  #path: string
  readonly #id: string
  readonly #files: Files

  private constructor(path: string, id: string, files: Files) {
    this.#path = path
    this.#id = id
    this.#files = files
  }

  /**
   * @param path the path of the lock file
   * @param target the file that it locks, for error messages
   * @throws {SoftmarginError} `FILE_LOCKED` if a running process holds it, `FILE_UNWRITABLE`
   */
  static async take(path: string, target: string): Promise<FileLock> {
    const files = await importBuiltin('node:fs')
    const machine = await thisMachine(files)
    const id = crypto.randomUUID()
    const owner: Owner = { pid: process.pid, ...machine, started: startOf(process.pid, files), id }
    // Other processes can act between any two steps, so each failure checks the state again.
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        files.writeFileSync(path, JSON.stringify(owner), { flag: 'wx' })
      } catch (cause) {
        if (codeOf(cause) !== 'EEXIST') throw unwritable(path, cause)
        const found = read(path, files)
        if (found === undefined) continue
        if (!isDead(found, machine, files)) throw locked(path, target, found.owner)
        const takeover = await FileLock.take(takeoverOf(path, found), target)
        if (!takeover.#moveOver(path, found)) continue
        return takeover
      }
      const lock = new FileLock(path, id, files)
      if (held.size === 0) process.once('exit', releaseAll)
      held.add(lock)
      return lock
    }
    throw locked(path, target, undefined)
  }

  /**
   * Makes this lock on the succession of an ended process the lock that the process held, in one step. Gives up and
   * returns false if another process has succeeded it before this lock was taken.
   */
  #moveOver(path: string, dead: Found): boolean {
    const found = read(path, this.#files)
    if (found === undefined || keyOf(found) !== keyOf(dead)) {
      this.release()
      return false
    }
    try {
      this.#files.renameSync(this.#path, path)
    } catch (cause) {
      this.release()
      throw unwritable(path, cause)
    }
    this.#path = path
    return true
  }

  /** Removes the lock file, unless it belongs to another process by now. */
  release(): void {
    held.delete(this)
    if (held.size === 0) process.removeListener('exit', releaseAll)
    try {
      if (read(this.#path, this.#files)?.owner?.id === this.#id) this.#files.unlinkSync(this.#path)
    } catch {
      // The file remains, and is taken over once this process has ended.
    }
  }
}

function releaseAll(): void {
  for (const lock of held) lock.release()
}

/** A lock file: its owner, unless it is incomplete, and the time at which it was written, in milliseconds. */
interface Found {
  owner: Owner | undefined
  written: number
}

function read(path: string, files: Files): Found | undefined {
  let text: string
  let written: number
  try {
    written = files.statSync(path).mtimeMs
    text = files.readFileSync(path, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw unwritable(path, cause)
  }
  try {
    const owner = JSON.parse(text)
    if (Number.isInteger(owner.pid) && owner.pid > 0 && typeof owner.id === 'string')
      return { owner, written }
  } catch {
    // The file is incomplete or empty.
  }
  return { owner: undefined, written }
}

function isDead({ owner, written }: Found, machine: Pick<Owner, 'host' | 'boot'>, files: Files): boolean {
  if (!owner) return Date.now() - written > abandonedAfter
  if (owner.host !== machine.host) return false
  if (owner.boot !== undefined && machine.boot !== undefined && owner.boot !== machine.boot) return true
  try {
    process.kill(owner.pid, 0)
  } catch (cause) {
    if (codeOf(cause) === 'ESRCH') return true
  }
  const started = startOf(owner.pid, files)
  return owner.started !== undefined && started !== undefined && owner.started !== started
}

/**
 * The lock that a process must hold to succeed an ended one. Without it, two processes could find the same ended one,
 * and the slower would remove the lock that the faster has just taken. It is a lock like any other, so that it can in
 * turn be taken over from a process that ends while it holds it.
 */
function takeoverOf(path: string, found: Found): string {
  return `${path}.${keyOf(found)
    .slice(0, 13)
    .replaceAll(/[^\w-]/g, '_')}`
}

/** A key that no other lock file at the same path has. */
function keyOf({ owner, written }: Found): string {
  return owner?.id ?? String(written)
}

async function thisMachine(files: Files): Promise<Pick<Owner, 'host' | 'boot'>> {
  const { hostname } = await importBuiltin('node:os')
  return {
    host: attempt(hostname) ?? '',
    boot: attempt(() => readText('/proc/sys/kernel/random/boot_id', files)),
  }
}

/** The start time of a process; `undefined` if the system does not provide it. */
function startOf(pid: number, files: Files): string | undefined {
  // The program's name, in parentheses, may contain any characters, so the fields are counted from its end.
  return attempt(() => readText(`/proc/${pid}/stat`, files).replace(/^.*\)/s, '').trim().split(' ')[19])
}

function readText(path: string, files: Files): string {
  return files.readFileSync(path, 'utf8').trim()
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException)?.code
}

function locked(path: string, target: string, owner: Owner | undefined): SoftmarginError {
  const who = owner ? `process ${owner.pid}${owner.host ? ` on ${owner.host}` : ''}` : 'another process'
  const isOwn = owner?.pid === process.pid ? ', which is this one' : ''
  const message =
    `the file ${show(target)} is open in ${who}${isOwn}, and only one process at a time can write to it; save or dispose ` +
    `of the store there first, or remove ${show(path)} if that process is no longer running`
  return new SoftmarginError('FILE_LOCKED', message, {
    argument: 'path',
    received: target,
    expected: 'a file that nobody else has open',
  })
}
