import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call, openChromium, openFirefox, openPage, type Page, servePage } from '../support/chromium.ts'
import type { FileServer } from '../support/file-server.ts'
import { hasProgram } from '../support/programs.ts'

interface GoneOn {
  found: number
  extracted: number
  size: number
  labels: number[]
  same: boolean
}

const count = 80
let server: FileServer
beforeAll(async () => {
  server = await servePage()
}, 60_000)
afterAll(() => server?.stop())

const browsers = [
  ['chromium', 'OPFS', openChromium],
  ['chromium', 'IndexedDB', openChromium],
  ['firefox-esr', 'OPFS', openFirefox],
] as const
describe.each(browsers)('a feature store in %s, %s', (name, place, open) => {
  const profile = mkdtempSync(join(tmpdir(), 'softmargin-profile-'))
  // A browser that was killed may still be writing to its folder.
  afterAll(() => rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }))

  const openStorePage = async (browser: Awaited<ReturnType<typeof open>>) => {
    const page = await openPage(browser, server)
    if (place === 'IndexedDB') await call(page, 'withoutOpfs')
    return page
  }
  /** Extracts until some batches are complete, and a little longer. @returns the number of images extracted */
  const extractSome = async (page: Page, store: string) => {
    await call(page, 'begin', store, count)
    await page.waitForFunction('window.done >= 20 || typeof window.done === "string"')
    const done = (await page.evaluate('window.done')) as number
    expect(done).toBeGreaterThanOrEqual(20)
    return done
  }
  /** Expects that all extracted images are in the store and that only the others, of `count`, are extracted. */
  const expectKept = async (page: Page, store: string, through: number) => {
    const outcome = await call<GoneOn>(page, 'goOn', store, count, { save: true })
    expect(outcome.found).toBeGreaterThanOrEqual(through)
    expect(outcome.found).toBeLessThan(count)
    expect(outcome).toMatchObject({ extracted: count - outcome.found, size: count, same: true })
    expect(outcome.labels).toEqual([0, 1, 2, 0])
  }

  it.runIf(hasProgram(name))(
    'survives a reload and the death of the browser, each in the middle of its work',
    async () => {
      const browser = await open(profile)
      let page = await openStorePage(browser)
      const reloaded = await extractSome(page, 'reloaded/pictures')
      await page.reload()
      await page.waitForFunction('window.programs !== undefined')
      if (place === 'IndexedDB') await call(page, 'withoutOpfs')
      await expectKept(page, 'reloaded/pictures', reloaded)

      const killed = await extractSome(page, 'killed')
      const child = browser.process()!
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')

      const again = await open(profile)
      try {
        page = await openStorePage(again)
        await expectKept(page, 'killed', killed)
        // After a save each store is a single file, and a later page extracts nothing.
        const places = await call<{ files: string[]; keys: unknown[] }>(page, 'places')
        if (place === 'OPFS') expect(places).toEqual({ files: ['whole', 'whole'], keys: [] })
        else {
          expect(places.keys).toEqual([
            ['killed', -1],
            ['killed', 0],
            ['reloaded/pictures', -1],
            ['reloaded/pictures', 0],
          ])
        }
        page = await openStorePage(again)
        const later = await call<GoneOn>(page, 'goOn', 'killed', count)
        expect(later).toMatchObject({ found: count, extracted: 0, same: true })
        await call(page, 'remove', 'killed')
        await call(page, 'remove', 'reloaded/pictures')
        expect(await call(page, 'places')).toEqual({ files: [], keys: [] })
      } finally {
        await again.close()
      }
    },
    180_000,
  )

  it.runIf(hasProgram(name))(
    'is open in one page at a time, and is read around a damaged record',
    async () => {
      const browser = await open(profile)
      try {
        const [first, second] = [await openStorePage(browser), await openStorePage(browser)]
        expect(await call(first, 'hold', 'shared')).toBe('open')
        expect(await call(second, 'hold', 'shared')).toBe('FILE_LOCKED')
        expect(await call(first, 'hold', 'shared')).toBe('FILE_LOCKED')
        for (const number of [0, 1, 2]) expect(await call(first, 'extractInto', number)).toBe(number + 1)
        await call(first, 'damage', 'shared', 1)
        await first.reload()
        await first.waitForFunction('window.programs !== undefined')
        expect(await call(second, 'hold', 'shared')).toBe('open')
        expect(await call(second, 'extractInto', 0)).toBe(2)
        expect(await call(second, 'extractInto', 1)).toBe(3)
        await call(second, 'saveHeld')
        if (place === 'IndexedDB') await call(first, 'withoutOpfs')
        expect(await call(first, 'hold', 'shared')).toBe('open')
        expect(await call(second, 'extractInto', 3)).toBe('FILE_LOCKED')
        expect(await call(first, 'extractInto', 4)).toBe(4)
        await call(first, 'disposeHeld')
        expect(await call(second, 'extractInto', 3)).toBe('FILE_CHANGED')
        await call(second, 'remove', 'shared')
      } finally {
        await browser.close()
      }
    },
    180_000,
  )
})
