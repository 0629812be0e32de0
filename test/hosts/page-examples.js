import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { serve } from './serve.js'

/**
 * Runs the examples for pages: the one built by Vite, on a strict page, and the one without a bundler.
 *
 * @param page a page of puppeteer
 */
export async function runPageExamples(page, project, folder) {
  const { build } = await import('vite')
  const root = join(project, 'examples/vite')
  await build({ root, logLevel: 'error', configFile: join(root, 'vite.config.js') })
  const built = await serve(join(root, 'dist'), { threads: true })
  try {
    const named = readdirSync(folder).filter((name) => name.endsWith('.png'))
    const choose = async (url) => {
      await page.goto(url)
      // The worker is ready when the input has its listener.
      await page.waitForFunction(() => document.querySelector('input').onchange !== null)
      const input = await page.$('input')
      await input.uploadFile(...named.map((name) => join(folder, name)))
    }
    await choose(built.url)
    await expectOutcome(page, /^learnt \d+(\.\d+)? % of \d+ pictures$/)
    await choose(`${built.url}tune.html`)
    await expectOutcome(page, new RegExp(`^${named[0].replace('.', '\\.')}: \\S+$`))
    const isDrawn = await page.evaluate(() => {
      const { width, height } = document.querySelector('canvas')
      const { data } = document.querySelector('canvas').getContext('2d').getImageData(0, 0, width, height)
      // Grey digits get colours.
      return data.some((value, i) => i % 4 === 0 && Math.abs(value - data[i + 2]) > 20)
    })
    if (!isDrawn) throw new Error('the page does not draw the explanation')
  } finally {
    built.close()
  }
  const plain = await serve(project, { threads: false, strict: false })
  try {
    await page.goto(`${plain.url}examples/browser/`)
    await expectOutcome(page, /^accuracy 1$/)
  } finally {
    plain.close()
  }
}

async function expectOutcome(page, wanted) {
  await page.waitForFunction(() => document.querySelector('#outcome').textContent !== '', { timeout: 60_000 })
  const text = await page.evaluate(() => document.querySelector('#outcome').textContent)
  if (!wanted.test(text)) throw new Error(`the example's outcome is: ${text}`)
}
