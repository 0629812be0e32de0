import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import leaveOneOut from '../../bench/results/leave-one-out.json' with { type: 'json' }
import probabilities from '../../bench/results/probabilities.json' with { type: 'json' }
import unknown from '../../bench/results/unknown.json' with { type: 'json' }

const pageOf = (name: string) => readFileSync(new URL(`../../docs/guide/${name}`, import.meta.url), 'utf8')
const page = pageOf('how-sure.md')

it('the table of probabilities matches the bench', () => {
  expect(probabilities).toHaveLength(15)
  for (const each of probabilities) {
    const figures = [
      each['log loss'].toFixed(3),
      each.Brier.toFixed(3),
      `${(100 * each.ECE).toFixed(1)} %`,
      `${(100 * each.agreement).toFixed(1)} %`,
    ]
    expect(page).toContain(`| ${each.set} | ${each.method} | ${figures.join(' | ')} |`)
  }
})

it('our probabilities have the best log loss and Brier score, and cost less than five fits', () => {
  for (const set of new Set(probabilities.map((each) => each.set))) {
    const [ours, ...others] = probabilities.filter((each) => each.set === set)
    expect([ours.method, ours.agreement]).toEqual(['softmargin', 1])
    expect(ours['cost (fits)']).toBeLessThan(5)
    for (const other of others) {
      expect(ours['log loss']).toBeLessThanOrEqual(other['log loss'])
      expect(ours.Brier).toBeLessThanOrEqual(other.Brier)
    }
  }
})

it('the table of unknown images matches the bench', () => {
  const rows = page.split('\n').filter((line) => /^\| (photos|digits), and /.test(line))
  expect(rows).toHaveLength(unknown.length)
  for (const [i, each] of unknown.entries()) {
    const figures = [
      each['area, known score'].toFixed(3),
      each['area, greatest probability'].toFixed(3),
      `${(100 * each['known refused']).toFixed(1)} %`,
      `${(100 * each['others accepted']).toFixed(1)} %`,
    ]
    expect(rows[i]).toContain(`| ${figures.join(' | ')} |`)
  }
})

it('the figures of leave-one-out match the bench', () => {
  const { results } = leaveOneOut
  const row = (name: 'leaveOneOut' | 'crossValidation' | 'holdOut') =>
    results.map((each) => each[name].toFixed(1)).join(' | ')
  expect(page).toContain(`| leave-one-out | ${row('leaveOneOut')} |`)
  expect(page).toContain(`| five-fold cross-validation (\`crossValScore\`) | ${row('crossValidation')} |`)
  expect(page).toContain(`| a fifth held out | ${row('holdOut')} |`)
  for (const { size, leaveOneOut: off, holdOut } of results) expect(off < holdOut).toBe(size >= 20)
  const told = pageOf('grid-search.md').replaceAll(/\s+/g, ' ')
  for (const [size, pictures] of [
    [50, '500'],
    [150, '1,500'],
  ] as const) {
    const { leaveOneOutFits } = results.find((each) => each.size === size)!
    expect(told).toMatch(new RegExp(`with ${pictures}\\b[^.]* as ${leaveOneOutFits}\\b`, 'i'))
  }
})
