import { expect, it } from 'vitest'
import { digit } from '../../../test/support/digits.ts'
import { Matrix } from '../../core/matrix.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { ImageClassifier } from '../image-classifier.ts'
import { diverseRows, marginsOf } from './next-to-label.ts'

it('chooses uncertain rows that differ', async () => {
  // Four clusters of 25 rows; the last one is certain.
  const rows = Matrix.from(
    Array.from({ length: 100 }, (_, i) => [10 * (i % 4) + 0.01 * Math.floor(i / 4), i % 4 === 2 ? 50 : 0]),
  )
  const margins = Float64Array.from({ length: 100 }, (_, i) => (i % 4 === 3 ? 5 : 0.1 + i / 1000))
  const chosen = await diverseRows(rows, margins, 3, new TimeSlice())
  expect(chosen.map((row) => row % 4).sort()).toEqual([0, 1, 2])
  expect(chosen).toEqual([...chosen].sort((a, b) => margins[a] - margins[b]))
  expect(await diverseRows(rows, margins, 3, new TimeSlice())).toEqual(chosen)
  const all = await diverseRows(rows, margins, 200, new TimeSlice())
  expect(all).toHaveLength(100)
  expect(all[0]).toBe(0)
  // Rows that are all the same are chosen without an end of the search.
  const same = Matrix.from(new Array(40).fill([1, 2]))
  expect(new Set(await diverseRows(same, margins.subarray(0, 40), 4, new TimeSlice())).size).toBe(4)
})

it('takes margins from decision values of two and of more classes', () => {
  expect([...marginsOf(Matrix.from([[-2], [0.5]]))]).toEqual([2, 0.5])
  expect([
    ...marginsOf(
      Matrix.from([
        [3, 1, 2.5],
        [0, 0, 0],
      ]),
    ),
  ]).toEqual([0.5, 0])
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
  const decisions = await classifier.decisionFunction(chosen.map(({ index }) => asked[index]))
  const predicted = await classifier.predict(chosen.map(({ index }) => asked[index]))
  for (const [i, { label, margin }] of chosen.entries()) {
    expect(label).toBe(predicted[i])
    expect(margin).toBeCloseTo(Math.abs(decisions.row(i)[0]), 6)
  }
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
