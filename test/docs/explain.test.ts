import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')

interface Row {
  scale: string
  method: string
  pictures: number
  between: number
  agreement: number
  deletion: number
  random: number
  pointing: number
}

it('the table of explanations shows the measured figures', () => {
  const rows: Row[] = JSON.parse(read('bench/results/explain.json'))
  const lines = rows.map(({ scale, method, agreement, deletion, pointing }) => {
    const figures = [agreement, deletion, pointing].map((figure) => figure.toFixed(2))
    return `| \`'${scale}'\` | \`'${method}'\` | ${figures.join(' | ')} |`
  })
  const page = read('docs/guide/explain.md')
  expect(page).toContain(`| --- | --- | ---: | ---: | ---: |\n${lines.join('\n')}\n`)
  const [standard, , none] = rows
  expect(page).toContain(
    `${standard.between.toFixed(2)} (\`'standard'\`) and ${none.between.toFixed(2)} (\`'none'\`)`,
  )
  expect(page).toContain(
    `parts leave ${standard.random.toFixed(2)} and ${none.random.toFixed(2)} of the score`,
  )
  expect(rows.every(({ pictures }) => pictures === 50)).toBe(true)
})
