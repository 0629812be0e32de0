import { execFile } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { resolve } = createRequire(import.meta.url)

/** A folder with the installed package and the programs of test/types. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  mkdirSync(join(folder, 'node_modules/softmargin'), { recursive: true })
  mkdirSync(join(folder, 'node_modules/@types'))
  // Not the whole repository, because a published package has no node_modules.
  for (const name of ['dist', 'package.json']) {
    symlinkSync(join(root, name), join(folder, 'node_modules/softmargin', name))
  }
  for (const name of ['@types/node', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of readdirSync(join(root, 'test/types'))) {
    writeFileSync(join(folder, name), readFileSync(join(root, 'test/types', name)))
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A compiler's messages about programs, with the strictest options. */
async function compile(compiler: string, programs: string[], o: object): Promise<string> {
  const name = [compiler, ...programs, ...Object.values(o).flat()].join('.').replaceAll('/', '')
  const file = join(folder, `${name}.json`)
  const compilerOptions = {
    ...{ target: 'ES2022', noEmit: true, preserveSymlinks: true, types: [] },
    ...{
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
    },
    ...o,
  }
  writeFileSync(file, JSON.stringify({ compilerOptions, files: programs }))
  const tsc = join(dirname(resolve(`${compiler}/package.json`)), 'bin/tsc')
  const run = promisify(execFile)(process.execPath, [tsc, '-p', file], { cwd: folder })
  return run.then(
    ({ stdout }) => stdout,
    (error) => error.stdout || error.message,
  )
}

const node16 = { module: 'node16', moduleResolution: 'node16' }
const nodeNext = { module: 'nodenext', moduleResolution: 'nodenext' }
const bundler = { module: 'esnext', moduleResolution: 'bundler' }
const page = { lib: ['ES2022', 'DOM'] }
const newPage = { lib: ['ESNext', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'] }
const bare = { lib: ['ES2022'] }
const inNode = { lib: ['ES2022'], types: ['node'] }

/** The version of an installed compiler. */
export const versionOf = (compiler: string) =>
  JSON.parse(readFileSync(resolve(`${compiler}/package.json`), 'utf8')).version as string

/** Declares the tests that the programs of test/types compile with a compiler, which may be older than TypeScript 5. */
export function testDeclarations(compiler: string): void {
  const isOld = Number.parseInt(versionOf(compiler), 10) < 5

  it('compile without the types of any host', async () => {
    const programs = ['labels.ts', 'options.ts', 'worker.ts']
    expect(await compile(compiler, programs, { ...node16, ...bare })).toBe('')
  })

  it('compile in a page', async () => {
    expect(await compile(compiler, ['browser.ts'], { ...nodeNext, ...page })).toBe('')
    // TypeScript 4.7 supports neither the module resolution of bundlers nor iterable streams.
    if (!isOld) expect(await compile(compiler, ['browser.ts'], { ...bundler, ...newPage })).toBe('')
  })

  // The types of Node 20 themselves need TypeScript 5.2.
  if (isOld) return
  it('compile in Node', async () => {
    expect(await compile(compiler, ['node.ts'], { ...nodeNext, ...inNode })).toBe('')
    expect(await compile(compiler, ['node.ts'], { ...bundler, ...newPage, types: ['node'] })).toBe('')
  })
}
