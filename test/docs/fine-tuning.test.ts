import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')

interface Row {
  'pictures a class': number
  from: string
  frozen: number
  tuned: number
  kept: boolean
  'held out: frozen': number
  'held out: tuned': number
  'held out: softmax': number
}

it('the table of fine-tuning shows the measured figures', () => {
  expect(existsSync('bench/results/fine-tune.json')).toBe(true)
  const rows: Row[] = JSON.parse(read('bench/results/fine-tune.json'))
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  const lines = rows.map((row) => {
    const from = row.from === 'pixel_values' ? 'the input: all layers' : `\`${row.from}\``
    const held = (['frozen', 'tuned', 'softmax'] as const).map((one) => percent(row[`held out: ${one}`]))
    const judged = [percent(row.frozen), percent(row.tuned)]
    return `| ${[row['pictures a class'], from, ...held, row.kept ? 'yes' : 'no', ...judged].join(' | ')} |`
  })
  const page = read('docs/guide/fine-tuning.md')
  expect(/^(?:\| --- ){8}\|\n((?:\|.*\n)*)/m.exec(page)![1].trim()).toBe(lines.join('\n'))
})
