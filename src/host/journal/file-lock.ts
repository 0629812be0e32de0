import { SoftmarginError, show } from '../../core/errors.ts'
import { importBuiltin } from '../platform/builtins.ts'
import { unwritable } from '../storage/write-file.ts'

type Files = typeof import('node:fs')

/** Who holds a lock, as JSON in the lock's file. */
interface Owner {
  pid: number
  /** The machine, and when it was started: the number of a process says nothing about another machine. */
  host: string
  boot?: string | undefined
  /** When the process was started, in the system's own count: numbers of processes are used again. */
  started?: string | undefined
  /** Tells this lock from every other one. */
  id: string
}

/** A lock's file without a sound owner, in milliseconds: its process died before it had written who it is. */
const abandonedAfter = 10_000

/** The locks that this process holds. */
const held = new Set<FileLock>()

/**
 * A lock that one process at a time holds: a file that tells whose it is. That of a process that has ended is taken over.
 */
export class FileLock {
  readonly #path: string
  readonly #id: string
  readonly #files: Files

  private constructor(path: string, id: string, files: Files) {
    this.#path = path
    this.#id = id
    this.#files = files
  }

  /**
   * @param path of the lock's file
   * @param target what it locks, for error messages
   * @throws {SoftmarginError} `FILE_LOCKED` where another holder lives, `FILE_UNWRITABLE`
   */
  static async take(path: string, target: string): Promise<FileLock> {
    const files = await importBuiltin('node:fs')
    const machine = await thisMachine(files)
    const id = crypto.randomUUID()
    const own: Owner = { pid: process.pid, ...machine, started: startOf(process.pid, files), id }
    // Others may come between each two steps: then it is looked at again.
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        files.writeFileSync(path, JSON.stringify(own), { flag: 'wx' })
      } catch (cause) {
        if (codeOf(cause) !== 'EEXIST') throw unwritable(path, cause)
        const found = read(path, files)
        if (found === undefined) continue
        if (!isDead(found, machine, files)) throw locked(path, target, found.owner)
        takeAway(path, found, files)
        continue
      }
      const lock = new FileLock(path, id, files)
      if (held.size === 0) process.once('exit', releaseAll)
      held.add(lock)
      return lock
    }
    throw locked(path, target, undefined)
  }

  /** Removes the lock's file, unless it is another one's by now. */
  release(): void {
    held.delete(this)
    if (held.size === 0) process.removeListener('exit', releaseAll)
    try {
      if (read(this.#path, this.#files)?.owner?.id === this.#id) this.#files.unlinkSync(this.#path)
    } catch {
      // It stays, and is taken over when this process has ended.
    }
  }
}

function releaseAll(): void {
  for (const lock of held) lock.release()
}

/** What a lock's file holds, and since when. */
interface Found {
  text: string
  owner: Owner | undefined
  age: number
}

function read(path: string, files: Files): Found | undefined {
  let text: string
  let age: number
  try {
    age = Date.now() - files.statSync(path).mtimeMs
    text = files.readFileSync(path, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw unwritable(path, cause)
  }
  try {
    const owner = JSON.parse(text)
    if (Number.isInteger(owner.pid) && owner.pid > 0 && typeof owner.id === 'string')
      return { text, owner, age }
  } catch {
    // A part of it, or nothing.
  }
  return { text, owner: undefined, age }
}

function isDead({ owner, age }: Found, machine: Pick<Owner, 'host' | 'boot'>, files: Files): boolean {
  if (!owner) return age > abandonedAfter
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

/** Removes the file of a dead lock: by a rename, so that it is not that of one who was faster. */
function takeAway(path: string, { text }: Found, files: Files): void {
  const aside = `${path}.${crypto.randomUUID()}`
  try {
    files.renameSync(path, aside)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return
    throw unwritable(path, cause)
  }
  // Who was faster gets it back.
  if (files.readFileSync(aside, 'utf8') !== text) attempt(() => files.linkSync(aside, path))
  files.unlinkSync(aside)
}

async function thisMachine(files: Files): Promise<Pick<Owner, 'host' | 'boot'>> {
  const { hostname } = await importBuiltin('node:os')
  return {
    host: attempt(hostname) ?? '',
    boot: attempt(() => readText('/proc/sys/kernel/random/boot_id', files)),
  }
}

/** When a process was started; nothing where the system does not tell. */
function startOf(pid: number, files: Files): string | undefined {
  // The name of the program, in brackets, may hold anything.
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
    `the file ${show(target)} is open in ${who}${isOwn}, and only one may write to it at a time: save or dispose of ` +
    `the store there first, or remove ${show(path)} if that process cannot be running any more`
  return new SoftmarginError('FILE_LOCKED', message, {
    argument: 'path',
    received: target,
    expected: 'a file that nobody else has open',
  })
}
