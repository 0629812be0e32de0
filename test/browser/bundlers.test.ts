import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installPackage, installTools } from '../hosts/package.js'
import { serve } from '../hosts/serve.js'
import { type Browser, openChromium } from '../support/chromium.ts'
import { hasProgram } from '../support/programs.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A folder in which the packed package is installed. */
let folder: string
let tarball: string
let tools: string
beforeAll(() => {
  tools = installTools('bundlers', [
    ...['vite@8.3.8', 'webpack@5.112.2', 'rollup@4.68.7', '@rollup/plugin-node-resolve@16.0.3'],
    ...['esbuild@0.28.2', 'publint@0.3.25', '@arethetypeswrong/cli@0.18.5'],
  ])
  folder = installPackage()
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!)
  cpSync(join(root, 'test/bundlers/page'), join(folder, 'bundled'), { recursive: true })
}, 300_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the packed package', () => {
  const node = (...args: string[]) =>
    execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })

  it('passes publint', () => {
    const program = join(tools, 'node_modules/publint/src/cli.js')
    expect(node(program, 'run', tarball, '--strict')).toContain('All good!')
  }, 60_000)

  it('resolves to types that match the code wherever ES modules are imported', () => {
    const program = join(tools, 'node_modules/@arethetypeswrong/cli/dist/index.js')
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const assets = Object.keys(exports)
      .filter((path) => /\.(wasm|onnx|bin)$/.test(path))
      .map((path) => path.slice(2))
    expect(assets).toContain('tiny.onnx')
    // Reports errors by its exit code; problems of CommonJS and of the oldest module resolution are only printed.
    const output = node(program, tarball, '--profile', 'esm-only', '--exclude-entrypoints', ...assets)
    expect(output).toContain('"softmargin/svm"')
    expect(output).not.toMatch(/^(node16 \(from ESM\)|bundler): (?!🟢)/mu)
  }, 60_000)

  it('can be loaded with require() where Node supports requiring ES modules, and explains the alternative elsewhere', () => {
    const [major, minor] = process.versions.node.split('.').map(Number)
    const code = "console.log(typeof require('softmargin').SVC, typeof require('softmargin/svm').SVC)"
    const can = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)
    if (can) expect(node('--no-warnings', '--input-type=commonjs', '-e', code)).toBe('function function\n')
    const without = '--no-experimental-require-module'
    if (can) expect(() => node(without, '--input-type=commonjs', '-e', code)).toThrow(/ERR_REQUIRE_ESM/)
  }, 60_000)
})

describe.runIf(hasProgram('chromium'))('a page built by', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openChromium()
  })
  afterAll(() => browser?.close())

  it.each(['vite', 'webpack', 'rollup', 'esbuild'])(
    '%s trains and predicts in Chromium',
    async (bundler) => {
      const built = join(folder, 'built', bundler)
      execFileSync(
        process.execPath,
        [join(root, 'test/bundlers/build.js'), bundler, join(folder, 'bundled'), built, tools],
        { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
      )
      const hashes = readdirSync(built, { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(wasm|onnx)$/.test(name))
        .map((name) =>
          createHash('sha256')
            .update(readFileSync(join(built, name)))
            .digest('hex'),
        )
      expect(new Set(hashes).size).toBe(hashes.length)
      const site = await serve(built, { threads: true })
      try {
        const page = await browser.newPage()
        await page.goto(site.url)
        await page.waitForFunction('window.outcome !== undefined')
        const outcome = (await page.evaluate('window.outcome')) as string
        expect(outcome).not.toContain('failed')
        const { isWorker, labels, pictured, score, vectors } = JSON.parse(outcome)
        expect(isWorker).toBe(true)
        expect(pictured).toEqual(labels)
        expect(score).toBeGreaterThan(0.5)
        expect(vectors).toBeGreaterThan(0)
        // Only the pool's second thread: the worker of `spawn` has ended.
        expect(page.workers()).toHaveLength(1)
      } finally {
        site.close()
      }
    },
    300_000,
  )
})
