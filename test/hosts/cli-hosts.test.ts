import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FeatureStore, SVC } from '../../src/index.ts'
import { digit, jpegOf, pngOf } from '../support/digits.ts'
import { installHost } from './package.js'

const program = fileURLToPath(new URL('../../dist/lib/cli.js', import.meta.url))
/** The command line that runs a program on each host, up to the program. */
const hosts: Record<string, () => string[]> = {
  Node: () => [process.execPath],
  Deno: () => [
    join(installHost('deno'), 'node_modules/.bin/deno'),
    ...['run', '--node-modules-dir=manual', '--allow-read', '--allow-write', '--allow-env', '--allow-sys'],
  ],
  Bun: () => [join(installHost('bun'), 'node_modules/.bin/bun')],
}
const commands = new Map<string, string[]>()

let folder: string
beforeAll(async () => {
  for (const [name, command] of Object.entries(hosts)) commands.set(name, command())
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  for (const kind of [1, 8]) {
    mkdirSync(join(folder, 'pictures', `digit ${kind}`), { recursive: true })
    for (let i = 0; i < 40; i++) {
      const bytes = await (i % 2 === 0 ? pngOf : jpegOf)(digit(kind, i))
      writeFileSync(join(folder, 'pictures', `digit ${kind}`, `${i}.${i % 2 === 0 ? 'png' : 'jpg'}`), bytes)
    }
  }
  const X = Array.from({ length: 20 }, (_, i) => [i % 5, (i * 7) % 3])
  using svc = await new SVC().fit(
    X,
    X.map(([a]) => (a > 2 ? 1 : 2)),
  )
  writeFileSync(join(folder, 'a.model'), svc.toLibsvm())
  for (const name of commands.keys()) mkdirSync(join(folder, name))
}, 300_000)
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a command on a host in a folder of its own; returns its output and the file that it writes. */
async function run(host: string, args: string[], file?: string) {
  const [runtime, ...before] = commands.get(host)!
  const cwd = join(folder, host)
  const outcome = await new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(runtime, [...before, program, ...args], { cwd }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
  // Only the duration may differ.
  const stdout = outcome.stdout.replace(/"seconds": [\d.]+/, '"seconds": 0')
  return { ...outcome, stdout, bytes: file && readFileSync(join(cwd, file)) }
}

const runs: [name: string, args: string[], file?: string, code?: number][] = [
  [
    'train',
    [
      ...['train', '../pictures', '-o', 'model.onnx', '--layer', 'stage3', '--probability', '--json'],
      ...['--grid', '{"C": [1, 10]}', '--cv', '3', '--cache', 'cache.npz'],
    ],
    'model.onnx',
  ],
  ['predict', ['predict', 'model.onnx', '../pictures/digit 1', '--json']],
  ['evaluate', ['evaluate', 'model.onnx', '../pictures']],
  ['layers', ['layers', 'tiny', '--json']],
  [
    'extract',
    ['extract', '../pictures', '-o', 'features.npz', '--layer', 'stage2', '--json'],
    'features.npz',
  ],
  ['info of a classifier', ['info', 'model.onnx']],
  ['info of a store', ['info', 'cache.npz', '--json']],
  ['convert to ONNX', ['convert', '../a.model', 'a.onnx', '--json'], 'a.onnx'],
  ['convert to LIBSVM', ['convert', 'a.onnx', 'b.model'], 'b.model'],
  ['help', ['train', '--help']],
  ['a mistake', ['train', '../pictures', '-o', 'x.onnx', '--gama', '1'], undefined, 2],
  ['a file that is not there', ['info', 'nothing.onnx'], undefined, 1],
]

describe('the command line prints and writes the same on Deno and Bun as on Node', () => {
  it.each(runs)(
    '%s',
    async (_, args, file, code = 0) => {
      const onNode = await run('Node', args, file)
      expect(onNode.code).toBe(code)
      expect(await run('Deno', args, file)).toEqual(onNode)
      expect(await run('Bun', args, file)).toEqual(onNode)
    },
    120_000,
  )
})

describe.each(Object.keys(hosts))('Ctrl-C on %s', (host) => {
  it('keeps the features computed so far, and the next run continues from them', async () => {
    const cwd = join(folder, host)
    const cache = `${host}.npz`
    const train = ['train', '../pictures', '-o', 'late.onnx', '--layer', 'stage3', '--cache', cache, '--json']
    const [runtime, ...before] = commands.get(host)!
    const child = spawn(runtime, [...before, program, ...train], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (chunk) => (stderr += chunk))
    const ended = new Promise((resolve) => child.on('close', resolve))
    const journal = join(cwd, `${cache}.journal`)
    // As soon as the first batch has been written to disk.
    while (child.exitCode === null && !existsSync(journal)) await new Promise((go) => setTimeout(go, 5))
    child.kill('SIGINT')
    expect(await ended).toBe(130)
    expect(stderr).toMatch(/interrupted; no result was written/)
    const kept = Number(/the features of (\d+) images are stored in/.exec(stderr)![1])
    expect(kept).toBeGreaterThan(0)
    expect(existsSync(join(cwd, 'late.onnx'))).toBe(false)
    expect(await storeSize(join(cwd, cache))).toBe(kept)

    const whole = await run(host, train, 'late.onnx')
    expect(whole.stderr).toBe('')
    const uninterrupted = await run(host, [...train.slice(0, -2), 'other.npz', '--json'], 'late.onnx')
    expect(whole).toEqual(uninterrupted)
    expect(await storeSize(join(cwd, cache))).toBe(80)
  }, 120_000)
})

/** The number of images in a store. Closes the store, because only one can be open at a time. */
async function storeSize(path: string): Promise<number> {
  using store = await FeatureStore.open(path)
  return store.size
}
