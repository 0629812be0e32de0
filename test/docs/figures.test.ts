import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import defaults from '../../bench/results/defaults.json' with { type: 'json' }
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

const sizes = ['5', '10', '20', '50', '150', '500', '1000'] as const
/** The accuracies of a method of the study by the number of pictures of each class. */
function accuraciesOf(set: string, method: string): Partial<Record<string, number>> {
  return defaults.results.find((each) => each.set === set && each.method === method)!.accuracies
}

it('the table of defaults matches the bench', () => {
  const methods: Record<string, string> = {
    'the defaults (`C: 3`)': 'C = 3',
    '`C: 1`': 'C = 1',
    '`C: 10`': 'C = 10',
    "`scale: 'l2'`, `C: 10`": 'scale l2, C = 10',
    "`scale: 'none'`, `C: 10`": 'scale none, C = 10',
    '`mirror: true`': 'mirror',
    'a grid search': 'grid',
    "`layer: 'auto'`": 'layer auto',
    both: 'layer auto, grid',
    'LogisticRegression(C=0.01)': 'scikit-learn LogisticRegression, C = 0.01',
    'LogisticRegression()': 'scikit-learn LogisticRegression, C = 1',
    'KNeighborsClassifier(5)': 'scikit-learn KNeighborsClassifier, k = 5',
    'NearestCentroid()': 'scikit-learn NearestCentroid',
  }
  const rows = [...pageOf('grid-search.md').matchAll(/^\| (photos|digits): (.+?) \| (.*) \|$/gm)]
  expect(rows).toHaveLength(defaults.results.length)
  for (const [, set, name, told] of rows) {
    const accuracies = accuraciesOf(set, methods[name])
    const figures = told.split(/ \| ?/).map((each) => each.trim())
    for (const [i, size] of sizes.entries()) {
      const measured = accuracies[size]
      if (measured === undefined) expect(figures[i] ?? '').toBe('')
      else expect(Math.abs(Number(figures[i]) - 100 * measured)).toBeLessThan(0.051)
    }
  }
})

it('no option that is recommended loses more than half a point to the defaults', () => {
  for (const set of ['photos', 'digits']) {
    const plain = accuraciesOf(set, 'C = 3')
    for (const method of ['grid', 'layer auto', 'layer auto, grid', 'mirror']) {
      const found = defaults.results.find((each) => each.set === set && each.method === method)
      for (const [size, accuracy] of Object.entries(found?.accuracies ?? {}))
        expect(accuracy).toBeGreaterThan(plain[size]! - 0.005)
    }
    expect(Object.keys(accuraciesOf(set, 'layer auto'))).toEqual(expect.arrayContaining(['5', '150', '500']))
  }
})
