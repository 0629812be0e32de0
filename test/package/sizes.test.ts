import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { answeringSize, budgets, downloadSize, downloadTable, entrySize } from '../../scripts/sizes.js'

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

describe('the size of an entry, gzipped', () => {
  it('has a budget for every public entry', () => {
    const { exports } = JSON.parse(text('package.json'))
    // The worker's entry consists of the library and the server of './worker', which are measured.
    const entries = Object.keys(exports).filter((name) => !/\.(wasm|onnx|bin|json)$|\/entry$/.test(name))
    expect(Object.keys(budgets.entries).sort()).toEqual(entries.sort())
  })

  it.each(Object.entries(budgets.entries))(
    'of %s is within its budget, which is not too generous',
    async (entry, budget) => {
      const size = await entrySize(entry)
      for (const part of ['script', 'wasm'] as const) {
        expect(size[part], part).toBeLessThanOrEqual(budget[part])
        // A much larger budget would let the next ten percent pass unnoticed.
        expect(size[part], part).toBeGreaterThanOrEqual(0.85 * budget[part])
      }
    },
  )
})

describe('what a page downloads', () => {
  it.each(['softmargin', 'softmargin/lite'])(
    'is at most 1.7 MB with the embedded CNN, from %s',
    async (entry) => {
      const sizes = await downloadSize(`export { ImageClassifier } from '${entry}'`)
      const all = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0)
      expect(all).toBeLessThanOrEqual(1.7e6)
      expect(all).toBeGreaterThan(1.4e6)
    },
  )

  it('is within its budget before the first label of a saved classifier, beside CNN and decoder', async () => {
    const { script, engines, files } = await answeringSize()
    expect(script + engines).toBeLessThanOrEqual(budgets.answering)
    expect(script + engines).toBeGreaterThan(0.9 * budgets.answering)
    // The page's own script, three chunks and two engines. Each further file would be another request.
    expect(files).toBe(6)
  })

  const bytes = (cell: string) => {
    const [, number, unit] = /^([\d.]+) (k|M)B$/.exec(cell)!
    return Number(number) * (unit === 'k' ? 1e3 : 1e6)
  }

  it('matches the README within 5 %', async () => {
    const [header, , ...rows] = await downloadTable()
    const readme = text('README.md').split('\n')
    const at = readme.indexOf(header)
    expect(at).toBeGreaterThan(0)
    for (const [i, row] of rows.entries()) {
      const cells = (line: string) => line.split('|').map((cell) => cell.trim())
      const [told, measured] = [cells(readme[at + 2 + i]), cells(row)]
      expect(told[1]).toBe(measured[1])
      for (let k = 2; k < measured.length - 1; k++) {
        if (measured[k] === '') expect(told[k]).toBe('')
        else expect(Math.abs(bytes(told[k]) / bytes(measured[k]) - 1), told[1]).toBeLessThanOrEqual(0.05)
      }
    }
  })
})
