import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { digit, pngOf } from '../../../test/support/digits.ts'
import { Matrix } from '../../core/matrix.ts'
import { decodeImage } from '../../image/decode.ts'
import { classificationReport } from '../../metrics/classification-report.ts'
import { confusionMatrix } from '../../metrics/metrics.ts'
import { pictureUrl } from './picture-url.ts'
import { reportHtml } from './report.ts'

let folder: string
let file: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  file = join(folder, 'a "picture" <b>.png')
  writeFileSync(file, await pngOf(digit(3, 1)))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Labels that would break a page if they were not escaped. */
const evil = ['<script>alert(1)</script>', 'a & "b" \'c\'', 'plain']
const truth = [0, 0, 1, 1, 2, 2].map((code) => evil[code])
const predicted = [0, 1, 1, 1, 2, 0].map((code) => evil[code])

function content(probabilities = true) {
  const rows = predicted.map((label) => evil.map((name) => (name === label ? 0.8 : 0.1)))
  return {
    title: 'Report <1>',
    facts: ['6 images & more'],
    classes: evil,
    evaluation: {
      accuracy: 4 / 6,
      accuracyInterval: [0.3, 0.9] as [number, number],
      confusionMatrix: confusionMatrix(truth, predicted, { labels: evil }),
      report: classificationReport(truth, predicted, { labels: evil }),
      missingClasses: [],
      images: 6,
      details: {
        indices: [0, 1, 2, 3, 4, 5],
        predicted,
        decisions: Matrix.from(rows.map((row) => row.map((p) => p - 0.5))),
        ...(probabilities && { probabilities: Matrix.from(rows) }),
      },
    },
    judged: { paths: truth.map(() => file), labels: truth },
    suspects: [{ index: 0, label: evil[0], suggested: evil[1], score: 0.7, path: file }],
  }
}

/** Reads a page strictly: every element is closed in order, and every attribute is quoted. Returns its elements. */
function parse(html: string) {
  const elements: { name: string; attributes: Record<string, string> }[] = []
  const open: string[] = []
  const isVoid = new Set(['meta', 'img', 'br'])
  let text = ''
  expect(html.startsWith('<!DOCTYPE html>\n')).toBe(true)
  let rest = html.slice('<!DOCTYPE html>\n'.length)
  while (rest !== '') {
    const plain = /^[^<]+/.exec(rest)
    if (plain) {
      // Whatever is no tag has its special characters escaped.
      expect(plain[0]).not.toMatch(/>|&(?!amp;|lt;|gt;|quot;|#39;)/)
      text += plain[0]
      rest = rest.slice(plain[0].length)
      continue
    }
    const tag = /^<(\/?)([a-z0-9]+)((?:\s+[a-zA-Z0-9-]+="[^"<>]*")*)\s*(\/?)>/.exec(rest)
    expect(tag, rest.slice(0, 80)).not.toBeNull()
    const [whole, closes, name, written, closesItself] = tag!
    rest = rest.slice(whole.length)
    if (closes) expect(open.pop()).toBe(name)
    else {
      const attributes = Object.fromEntries(
        [...written.matchAll(/([a-zA-Z0-9-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      )
      elements.push({ name, attributes })
      if (!isVoid.has(name) && !closesItself) open.push(name)
    }
  }
  expect(open).toEqual([])
  return { elements, text }
}

it('is a page that is sound, escapes what it is given, and loads nothing', async () => {
  const html = await reportHtml(content())
  const { elements, text } = parse(html)
  expect(elements.filter(({ name }) => ['script', 'link', 'iframe', 'object'].includes(name))).toEqual([])
  const addresses = elements.flatMap(({ attributes: { src, href } }) => [src, href].filter(Boolean))
  expect(addresses.length).toBe(3)
  for (const address of addresses) expect(address).toMatch(/^data:image\/png;base64,[A-Za-z0-9+/=]+$/)
  expect(html).not.toMatch(/https?:|@import|url\(/)
  expect(html).toContain("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
  expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(text).toContain('a &amp; &quot;b&quot; &#39;c&#39;')
  expect(text).toContain('a &quot;picture&quot; &lt;b&gt;.png')
})

it('shows the accuracy, the confusion matrix, plots, mistakes and suspects', async () => {
  const { elements, text } = parse(await reportHtml(content()))
  expect(text).toContain('66.7 %')
  expect(text).toContain('30.0 % to 90.0 % with 95 % confidence')
  expect(text).toContain('Mistakes (2)')
  expect(text).toContain('Labels that may be wrong (1)')
  expect(text).toMatch(/perhaps a &amp; &quot;b&quot; &#39;c&#39; \(70\.0 %\)/)
  // 4 x 4 cells of the matrix and 3 x 5 of the classes, with their heads.
  expect(elements.filter(({ name }) => name === 'td')).toHaveLength(9 + 12)
  expect(elements.filter(({ name }) => name === 'svg')).toHaveLength(2)
  // Three ROC curves and one of calibration.
  expect(elements.filter(({ name }) => name === 'polyline')).toHaveLength(4)
  expect(text).toMatch(/plain \(area 0\.750\)/)
  expect(elements.filter(({ name }) => name === 'img')).toHaveLength(3)
})

it('says what it has no data for', async () => {
  const { text } = parse(await reportHtml(content(false)))
  expect(text).toContain('--probability')
  const bare = parse(await reportHtml({ ...content(), evaluation: undefined, suspects: undefined }))
  expect(bare.text).toContain('6 images &amp; more')
  expect(bare.text).not.toContain('Confusion')
  const none = parse(await reportHtml({ ...content(), suspects: [] }))
  expect(none.text).toContain('None.')
})

it('has light and dark colours', async () => {
  const html = await reportHtml(content())
  expect(html).toContain('color-scheme: light dark')
  expect(html).toContain('@media (prefers-color-scheme: dark)')
})

it('embeds pictures, and shrinks large ones', async () => {
  const small = await decodeImage(await fetchUrl(await pictureUrl(file)))
  expect([small.width, small.height]).toEqual([28, 28])
  expect(small.data).toEqual((await decodeImage(file)).data)
  const wide = join(folder, 'wide.png')
  const data = Uint8Array.from({ length: 400 * 100 }, (_, i) => i % 256)
  writeFileSync(wide, await pngOf({ data, width: 400, height: 100, channels: 1 }))
  const shrunk = await decodeImage(await fetchUrl(await pictureUrl(wide)))
  expect([shrunk.width, shrunk.height]).toEqual([128, 32])
})

async function fetchUrl(url: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(url)).arrayBuffer())
}
