import { expect, it } from 'vitest'
import { digit } from '../../../test/support/digits.ts'
import { Matrix } from '../../core/matrix.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { ImageClassifier } from '../image-classifier.ts'
import { representativeRows, uncertaintiesOf } from './next-to-label.ts'

/** Four directions with 25 rows each: row i points into direction i % 4. */
const rows = Matrix.from(
  Array.from({ length: 100 }, (_, i) =>
    Array.from({ length: 4 }, (_, f) => (f === i % 4 ? 10 : 0) + Math.sin(i * 7 + f)),
  ),
)

it('chooses rows that stand for uncertain ones, and none that is like a known one', async () => {
  // Direction 3 is certain, and direction 2 is known.
  const uncertainties = Float64Array.from({ length: 100 }, (_, i) => (i % 4 === 3 ? 0.01 : 0.5 + i / 1000))
  const known = Matrix.from([[0, 0, 9, 0]])
  const choose = (count: number) => representativeRows(rows, uncertainties, known, count, new TimeSlice())
  const chosen = await choose(2)
  expect(chosen.map((row) => row % 4).sort()).toEqual([0, 1])
  expect(await choose(2)).toEqual(chosen)
  expect(await choose(5)).toEqual(expect.arrayContaining(chosen))
  const all = await choose(200)
  expect([...all].sort((a, b) => a - b)).toEqual([...Array(100).keys()])
})

it('takes the greatest gain each time, as a search of all rows does', async () => {
  const uncertainties = Float64Array.from({ length: 100 }, (_, i) => Math.abs(Math.sin(i)))
  const known = rows.select([8])
  const unit = (row: Float32Array) => Array.from(row, (value) => value / Math.hypot(...row))
  const points = Array.from({ length: 100 }, (_, i) => unit(rows.row(i)))
  const cosine = (a: number[], b: number[]) =>
    Math.max(
      0,
      a.reduce((sum, value, f) => sum + value * b[f], 0),
    )
  const covered = points.map((point) => cosine(point, unit(known.row(0))))
  const expected: number[] = []
  for (let step = 0; step < 6; step++) {
    const gains = points.map((point, i) =>
      expected.includes(i)
        ? -1
        : points.reduce(
            (sum, other, j) => sum + uncertainties[j] * Math.max(0, cosine(point, other) - covered[j]),
            0,
          ),
    )
    const best = gains.indexOf(Math.max(...gains))
    expected.push(best)
    for (const [j, other] of points.entries()) covered[j] = Math.max(covered[j], cosine(points[best], other))
  }
  expect(await representativeRows(rows, uncertainties, known, 6, new TimeSlice())).toEqual(expected)
})

it('takes rows that are all the same', async () => {
  const same = Matrix.from(new Array(40).fill([1, 2]))
  const uncertainties = new Float64Array(40).fill(0.5)
  const chosen = await representativeRows(same, uncertainties, same.select([0]), 4, new TimeSlice())
  expect(new Set(chosen).size).toBe(4)
})

it('is the more uncertain, the less a class leads', () => {
  const [sure, unsure] = uncertaintiesOf(Matrix.from([[3], [0]]), 2)
  expect(sure).toBeLessThan(0.01)
  expect(unsure).toBe(1)
  // Pairs (0, 1), (0, 2), (1, 2).
  const three = uncertaintiesOf(
    Matrix.from([
      [1, 1, 1],
      [2, 2, 0],
      [0, 1, 1],
    ]),
    3,
  )
  expect(three[2]).toBe(1)
  expect(three[1]).toBeLessThan(three[0])
})

it('chooses images between classes before those that are clear', async () => {
  const known = Array.from({ length: 30 }, (_, i) => digit(i % 2, Math.floor(i / 2)))
  using classifier = await ImageClassifier.create()
  await expect(classifier.nextToLabel(known, 3)).rejects.toMatchObject({ code: 'NOT_FITTED' })
  await classifier.fit(
    known,
    known.map((_, i) => (i % 2 === 0 ? 'zero' : 'one')),
  )
  // Digits that it has learnt, and digits that it has never seen.
  const clear = Array.from({ length: 30 }, (_, i) => digit(i % 2, 20 + i))
  const strange = Array.from({ length: 30 }, (_, i) => digit(i % 3 === 0 ? 4 : i % 3 === 1 ? 5 : 8, i))
  const asked = [...clear, new Uint8Array(3), ...strange]
  const skipped: number[] = []
  const chosen = await classifier.nextToLabel(asked, 4, { onUnreadable: (index) => skipped.push(index) })
  expect(skipped).toEqual([30])
  expect(chosen).toHaveLength(4)
  expect(chosen.filter(({ index }) => index > 30).length).toBeGreaterThanOrEqual(3)
  const predicted = await classifier.predict(chosen.map(({ index }) => asked[index]))
  expect(chosen.map(({ label }) => label)).toEqual(predicted)
  // After load only the support vectors are known.
  using loaded = await ImageClassifier.load(await classifier.save())
  expect(await loaded.nextToLabel(asked, 4, { onUnreadable: () => {} })).toEqual(chosen)
  for (const n of [0, 1.5, Number.NaN]) {
    await expect(classifier.nextToLabel(clear, n)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'n',
    })
  }
  await expect(classifier.nextToLabel(clear, 2, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ABORTED',
  })
})
