import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FileLock } from './file-lock.ts'

let folder: string
let path: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  path = join(folder, 'a.lock')
})
afterAll(() => rmSync(folder, { recursive: true }))

const take = () => FileLock.take(path, 'a')
const ownerOf = () => JSON.parse(readFileSync(path, 'utf8'))

describe('a lock file', () => {
  it('is held by one holder at a time and removed afterwards', async () => {
    const lock = await take()
    expect(ownerOf()).toMatchObject({ pid: process.pid, host: hostname() })
    await expect(take()).rejects.toMatchObject({ code: 'FILE_LOCKED', argument: 'path', received: 'a' })
    lock.release()
    expect(existsSync(path)).toBe(false)
    const results = await Promise.allSettled([take(), take(), take()])
    const held = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    expect(held).toHaveLength(1)
    held[0].release()
    held[0].release()
    expect(readdirSync(folder)).toEqual([])
  })

  it('is refused while its process lives and taken over after that was killed', async () => {
    const child = spawn('sleep', ['60'])
    await once(child, 'spawn')
    const lock = await take()
    const own = ownerOf()
    lock.release()
    // Another process of this host whose start time is unknown.
    writeFileSync(path, JSON.stringify({ ...own, pid: child.pid, started: undefined }))
    await expect(take()).rejects.toThrow(new RegExp(`process ${child.pid} on `))
    child.kill('SIGKILL')
    await once(child, 'exit')
    ;(await take()).release()
  })

  it('is taken over if its process id now belongs to another process', async () => {
    const lock = await take()
    const own = ownerOf()
    lock.release()
    const others: [object, boolean][] = [
      [{ ...own, started: '1' }, own.started === undefined],
      [{ ...own, boot: 'another one' }, own.boot === undefined],
      [{ ...own, host: 'elsewhere', pid: 2 ** 30 }, true],
      [{ ...own, pid: 2 ** 30 }, false],
    ]
    for (const [owner, isHeld] of others) {
      writeFileSync(path, JSON.stringify(owner))
      if (isHeld) await expect(take()).rejects.toMatchObject({ code: 'FILE_LOCKED' })
      else (await take()).release()
      rmSync(path, { force: true })
    }
  })

  it('is taken over if its process died before it wrote its id', async () => {
    for (const text of ['', '{"pid":', 'null', '{}']) {
      writeFileSync(path, text)
      await expect(take()).rejects.toMatchObject({ code: 'FILE_LOCKED' })
      const past = new Date(Date.now() - 60_000)
      utimesSync(path, past, past)
      ;(await take()).release()
    }
    expect(readdirSync(folder)).toEqual([])
  })

  it('stays with the process that took it over', async () => {
    const lock = await take()
    const other = JSON.stringify({ ...ownerOf(), id: 'another' })
    writeFileSync(path, other)
    lock.release()
    expect(readFileSync(path, 'utf8')).toBe(other)
    rmSync(path)
  })

  it('throws where no file can be created', async () => {
    const nowhere = FileLock.take(join(folder, 'nowhere/a.lock'), 'a')
    await expect(nowhere).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  })

  it('is acquired by only one of many processes that find a stale one', async () => {
    const program = join(folder, 'take.mjs')
    const { build } = await import('esbuild')
    await build({
      ...{
        entryPoints: [new URL('file-lock.ts', import.meta.url).pathname],
        outfile: join(folder, 'lock.mjs'),
      },
      ...{ bundle: true, format: 'esm', platform: 'node', logLevel: 'error' },
    })
    writeFileSync(
      program,
      `import { FileLock } from './lock.mjs'
      import { existsSync, writeFileSync, unlinkSync } from 'node:fs'
      let won = 0
      for (let n = 0; won < 50; n++) {
        try {
          const lock = await FileLock.take('a.lock', 'a')
          writeFileSync('inside', '', { flag: 'wx' })
          await new Promise((resolve) => setTimeout(resolve, n % 2))
          unlinkSync('inside')
          won++
          // Every other time, the lock looks to other processes as if its owner had died.
          if (n % 2) lock.release()
          else writeFileSync('a.lock', '{"pid":1073741823,"host":${JSON.stringify(hostname())},"id":"' + crypto.randomUUID() + '"}')
        } catch (error) {
          if (error.code !== 'FILE_LOCKED') throw error
          await new Promise((resolve) => setTimeout(resolve, n % 3))
        }
      }
      console.log(won)`,
    )
    const children = [1, 2, 3, 4, 5, 6].map(() => spawn(process.execPath, [program], { cwd: folder }))
    const ended = children.map(async (child) => {
      let out = ''
      let errors = ''
      child.stdout.on('data', (data) => (out += data))
      child.stderr.on('data', (data) => (errors += data))
      await once(child, 'close')
      expect(errors).toBe('')
      return Number(out)
    })
    expect(await Promise.all(ended)).toEqual(children.map(() => 50))
  }, 60_000)
})

describe('a journal on a full disk', () => {
  it('is truncated to its old length and continues when there is space', async () => {
    const { build } = await import('esbuild')
    await build({
      ...{
        entryPoints: [new URL('file-journal.ts', import.meta.url).pathname],
        outfile: join(folder, 'file.mjs'),
      },
      ...{ bundle: true, format: 'esm', platform: 'node', logLevel: 'error' },
    })
    const program = join(folder, 'full.mjs')
    writeFileSync(
      program,
      `import { FileJournal } from './file.mjs'
      import { statSync } from 'node:fs'
      const file = new FileJournal('full')
      await file.lock()
      await file.read()
      const lengths = [9000, 30000, 30000, 5000, 30000, 20000, 400]
      const said = []
      for (const [i, length] of lengths.entries()) {
        const before = i === 0 ? 0 : statSync('full.journal').size
        const code = await file.append(new Uint8Array(length).fill(i + 1)).then(() => 'fine', ({ code }) => code)
        said.push(code)
        if (code !== 'fine' && statSync('full.journal').size !== before) said.push('torn')
      }
      console.log(said.join(' '))`,
    )
    // Limits files to 64 blocks of 512 bytes.
    const command = `ulimit -f 64; exec '${process.execPath}' '${program}'`
    const said = execFileSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' }).trim()
    const wanted = 'fine FILE_UNWRITABLE FILE_UNWRITABLE fine FILE_UNWRITABLE FILE_UNWRITABLE fine'
    // Some shells count in blocks of 1024 bytes.
    expect([wanted, wanted.replace(/^fine FILE_UNWRITABLE/, 'fine fine')]).toContain(said)
    const { FileJournal } = await import('./file-journal.ts')
    const { records, damage } = await new FileJournal(join(folder, 'full')).read()
    expect(damage).toEqual([])
    expect(records).toHaveLength(said.split(' ').filter((each) => each === 'fine').length)
    for (const record of records) expect(new Set(record).size).toBe(1)
  })
})
