import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'
import { installHost } from '../hosts/package.js'
import { FileServer } from './file-server.ts'

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** A page in Chromium. */
export interface Page {
  goto(url: string): Promise<unknown>
  waitForFunction(expression: string): Promise<unknown>
  evaluate(expression: string): Promise<unknown>
  reload(): Promise<unknown>
  /** The workers that the page has started. */
  workers(): unknown[]
}

/** A headless browser. */
export interface Browser {
  newPage(): Promise<Page>
  close(): Promise<void>
  process(): ChildProcess | null
}

/**
 * Starts Chromium with a software GPU (SwiftShader).
 *
 * @param userDataDir the profile folder; default: a temporary one
 */
export async function openChromium(userDataDir?: string): Promise<Browser> {
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync']
  const gpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']
  const args = ['--no-sandbox', '--disable-component-update', ...quiet, ...gpu]
  return (await puppeteer()).launch({
    executablePath: '/usr/bin/chromium',
    headless: true,
    args,
    userDataDir,
    // A software GPU compiles the shaders of a training for minutes where other programs run.
    protocolTimeout: 600_000,
  })
}

/** Starts Firefox; `userDataDir` as for `openChromium`. */
export async function openFirefox(userDataDir?: string): Promise<Browser> {
  return (await puppeteer()).launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    userDataDir,
  })
}

async function puppeteer() {
  const require = createRequire(join(installHost('puppeteer-core'), 'package.json'))
  return (await import(pathToFileURL(require.resolve('puppeteer-core')).href)).default
}

/** Builds the page of `test/page` with Vite and serves it locally. */
export async function servePage(): Promise<FileServer> {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-page-'))
  try {
    const root = fileURLToPath(new URL('../page', import.meta.url))
    await build({
      root,
      configFile: join(root, 'vite.config.js'),
      logLevel: 'error',
      build: { outDir: folder, emptyOutDir: true },
    })
    const server = await FileServer.start()
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      const path = file.slice(folder.length).replaceAll('\\', '/')
      server.files.set(path, { bytes: readFileSync(file), type: types[extname(path)] })
    }
    return server
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Opens the page and waits until its functions can be called. */
export async function openPage(browser: Browser, server: FileServer): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`${server.origin}/index.html`)
  await page.waitForFunction('window.programs !== undefined')
  return page
}

/** Calls a function of `test/page/main.js` in the page. */
export function call<T>(page: Page, name: string, ...given: unknown[]): Promise<T> {
  const written = given.map((value) => JSON.stringify(value) ?? 'undefined')
  return page.evaluate(`window.programs.${name}(${written.join(', ')})`) as Promise<T>
}
