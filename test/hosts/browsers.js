import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { installDebian, installHost } from './package.js'
import { checkPages, checkWorkersOfPages } from './page-checks.js'
import { runPageExamples } from './page-examples.js'
import { serve } from './serve.js'
import { openWebKit } from './webkit.js'

/** Chromium, without threads as on most pages, and with threads. */
export const chromium = {
  name: 'Chromium',
  run: browser(openChromium),
  example: (project, { named }) =>
    withPages(openChromium, async (newPage) => runPageExamples(await newPage(), project, named)),
  check: (project) => withPages(openChromium, (newPage) => checkPages(project, newPage)),
}

export const firefox = {
  name: 'Firefox',
  run: browser(openFirefox),
  check: (project) => withPages(openFirefox, (newPage) => checkWorkersOfPages(project, newPage)),
}

export const webkit = { name: 'WebKitGTK', run: browser(openWebKit) }

async function withPages(open, run) {
  const opened = await open()
  try {
    await run(opened.newPage)
  } finally {
    await opened.close()
  }
}

function openFirefox() {
  return openWithPuppeteer('firefox', '/usr/bin/firefox-esr', 'firefox-esr')
}

function openChromium() {
  return openWithPuppeteer('chrome', '/usr/bin/chromium', 'chromium')
}

function browser(open) {
  return async (project) => {
    const folder = await buildPage(project)
    const rows = []
    for (const threads of [false, true]) {
      const site = await serve(folder, { threads })
      try {
        const opened = await open()
        try {
          const outcome = await opened.outcomeOf(site.url)
          rows.push(...outcome.map((row) => ({ version: opened.version, ...row })))
        } finally {
          await opened.close()
        }
      } finally {
        site.close()
      }
    }
    return rows
  }
}

let built
/** Builds the page with Vite, once for all browsers. */
async function buildPage(project) {
  const root = join(project, 'page')
  built ??= import('vite').then(({ build }) =>
    build({ root, logLevel: 'error', configFile: join(root, 'vite.config.js') }),
  )
  await built
  return join(root, 'dist')
}

async function openWithPuppeteer(kind, executablePath, debianPackage) {
  if (!existsSync(executablePath)) installDebian([debianPackage])
  const require = createRequire(join(installHost('puppeteer-core'), 'package.json'))
  const { default: puppeteer } = await import(pathToFileURL(require.resolve('puppeteer-core')))
  const quiet = [
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ]
  const args = kind === 'chrome' ? ['--no-sandbox', '--disable-quic', ...quiet] : []
  const program = await puppeteer.launch({ browser: kind, executablePath, headless: true, args })
  const [version] = /\d[\d.]*/.exec(await program.version())
  return {
    version,
    newPage: () => program.newPage(),
    async outcomeOf(url) {
      const page = await program.newPage()
      const messages = []
      page.on('console', (message) => messages.push(message.text()))
      page.on('pageerror', (error) => messages.push(String(error)))
      await page.goto(url)
      return readOutcome(() => page.evaluate('window.outcome'), messages)
    },
    close: () => program.close(),
  }
}

/** Waits until the page has set `window.outcome`, and returns it. */
export async function readOutcome(read, messages = []) {
  const end = Date.now() + 300_000
  while (Date.now() < end) {
    const outcome = await read()
    if (typeof outcome === 'string') {
      if (outcome.startsWith('failed: ')) throw new Error([outcome, ...messages].join('\n'))
      return JSON.parse(outcome)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(['the page did not end within 5 minutes', ...messages].join('\n'))
}
