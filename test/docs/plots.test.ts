import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { spread } from '../../bench/spread.js'

describe('labels at the ends of curves', () => {
  it('stay in place where there is room', () => {
    expect(spread([50, 10, 90], 17)).toEqual([50, 10, 90])
  })

  it('move apart where there is none, around the mean of their wanted positions', () => {
    expect(spread([100, 100], 20)).toEqual([90, 110])
    expect(spread([110, 100, 0], 20)).toEqual([115, 95, 0])
  })

  it('push labels that they overlap after moving', () => {
    const places = spread([10, 12, 14, 40], 20)
    expect(places).toEqual([-11, 9, 29, 49])
  })

  it('keep their distance and order for any wanted positions', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const wanted = Array.from({ length: 8 }, (_, i) => (seed * 7919 * (i + 1) * (i + 3)) % 200)
      const places = spread(wanted, 15)
      const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b])
      for (let k = 1; k < order.length; k++) {
        expect(places[order[k]] - places[order[k - 1]]).toBeGreaterThanOrEqual(15 - 1e-9)
      }
    }
  })
})

describe('the committed plots', () => {
  const folder = new URL('../../bench/results/', import.meta.url)
  const plots = readdirSync(folder).filter((name) => name.endsWith('.svg'))

  it('cover every plotted result', () => {
    // These results are shown as tables.
    const tables = [
      'defaults.json',
      'explain.json',
      'fine-tune.json',
      'leave-one-out.json',
      'next-to-label.json',
      'pictures-a-class-small.json',
      'probabilities.json',
      'unknown.json',
      'views.json',
    ]
    const results = readdirSync(folder).filter((name) => name.endsWith('.json') && !tables.includes(name))
    expect(plots.map((name) => name.replace('.svg', '.json'))).toEqual(results)
  })

  it.each(plots)('%s is readable in light and dark, and its labels do not overlap', (name) => {
    const svg = readFileSync(new URL(name, folder), 'utf8')
    expect(svg).toContain('prefers-color-scheme: dark')
    expect(svg).toContain('class="ground"')
    // A label is a text at the end of its curve, in a group that may move it.
    const move = String.raw`translate\(([-\d.]+),([-\d.]+)\)`
    const label = new RegExp(`<g transform="${move}"[^>]*label="text"><text[^>]*${move}[^>]*>([^<]+)<`, 'g')
    const names = [...svg.matchAll(label)].map(([, dx, dy, x, y, text]) => {
      return { x: Number(dx) + Number(x), y: Number(dy) + Number(y), text }
    })
    expect(names.length).toBeGreaterThan(1)
    for (const [i, a] of names.entries()) {
      for (const b of names.slice(0, i)) {
        // Labels begin on different lines or are far apart: letters of 13 pixels need 15.
        if (Math.abs(a.x - b.x) < 1)
          expect(Math.abs(a.y - b.y), `${a.text} and ${b.text}`).toBeGreaterThan(15)
      }
    }
  })
})
