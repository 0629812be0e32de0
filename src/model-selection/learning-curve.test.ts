import { expect, it } from 'vitest'
import { clouds } from '../../test/support/clouds.ts'
import { digit } from '../../test/support/digits.ts'
import { SVC } from '../svm/svc.ts'
import { crossValPredict } from './cross-val-predict.ts'
import { learningCurve } from './learning-curve.ts'

const { X, codes } = clouds(400, 3, 5)

it('scores all training rows as a cross-validation does, and fewer rows worse', async () => {
  const svc = new SVC({ C: 3 })
  const seen: number[] = []
  const onProgress = ({ done, total }: { done: number; total: number }) => seen.push(done / total)
  const curve = await learningCurve(svc, X, codes, { scale: 'standard', onProgress })
  const predicted = await crossValPredict(svc, X, codes, { scale: 'standard' })
  const accuracy = predicted.filter((code, row) => code === codes[row]).length / 400
  expect(curve.testScores[2]).toBe(accuracy)
  expect(curve.trainSizes[2]).toBe(320)
  expect(curve.trainSizes[0]).toBeCloseTo(80, -1)
  expect(curve.testScores[0]).toBeLessThan(accuracy)
  expect(seen).toHaveLength(15)
  expect(seen.at(-1)).toBe(1)
})

it('guesses the accuracy with twice the rows', async () => {
  // Handwritten digits as they are, so that more of them clearly help.
  const rowOf = (kind: number, i: number) => Array.from((digit(kind, i) as { data: Uint8Array }).data)
  const digitsOf = (from: number, to: number) =>
    Array.from({ length: 10 * (to - from) }, (_, i) => ({
      kind: i % 10,
      row: rowOf(i % 10, from + Math.floor(i / 10)),
    }))
  const rows = (list: { row: number[] }[]) => list.map(({ row }) => row)
  const kinds = (list: { kind: number }[]) => list.map(({ kind }) => kind)
  const known = digitsOf(0, 40)
  const others = digitsOf(100, 150)
  const svc = new SVC({ C: 3 })
  const accuracyWith = async (count: number) => {
    using fitted = await new SVC({ C: 3 }).fit(rows(known.slice(0, count)), kinds(known.slice(0, count)))
    return fitted.score(rows(others), kinds(others))
  }
  const half = known.slice(0, 200)
  const { extrapolated } = await learningCurve(svc, rows(half), kinds(half))
  expect(extrapolated.map(({ trainSize }) => trainSize)).toEqual([200, 400])
  const [now, twice] = extrapolated.map(({ score }) => score)
  const [before, after] = [await accuracyWith(200), await accuracyWith(400)]
  expect(after).toBeGreaterThan(before)
  expect(twice).toBeGreaterThan(now)
  expect(Math.abs(before + twice - now - after)).toBeLessThan(0.03)
})

it('follows a power law exactly, and never falls', async () => {
  const { testScores, trainSizes, extrapolated } = await learningCurve(new SVC(), X, codes, {
    trainSizes: [0.5, 1],
    extrapolateTo: [160, 320, 640],
  })
  const slope = Math.log((1 - testScores[1]) / (1 - testScores[0])) / Math.log(trainSizes[1] / trainSizes[0])
  const error = (rows: number) => (1 - testScores[1]) * (rows / trainSizes[1]) ** Math.min(0, slope)
  expect(extrapolated[2].score).toBeCloseTo(1 - error(640), 6)
  expect(extrapolated[1].score).toBeCloseTo(testScores[1], 6)
})

it('names bad input', async () => {
  const svc = new SVC()
  const code = (wanted: string, argument: string) => ({ code: wanted, argument })
  await expect(learningCurve(svc, X, codes, { trainSizes: [0] })).rejects.toMatchObject(
    code('INVALID_ARGUMENT', 'trainSizes'),
  )
  await expect(learningCurve(svc, X, codes, { extrapolateTo: [0] })).rejects.toMatchObject(
    code('INVALID_ARGUMENT', 'extrapolateTo'),
  )
  await expect(learningCurve(svc, X, codes, { scale: 'big' as never })).rejects.toMatchObject(
    code('INVALID_ARGUMENT', 'scale'),
  )
  await expect(learningCurve(svc, X, codes.slice(1))).rejects.toMatchObject(code('SHAPE_MISMATCH', 'y'))
  const four = [[0], [1], [2], [3]]
  await expect(learningCurve(svc, four, [0, 1, 0, 1], { cv: 2 })).rejects.toMatchObject(
    code('TOO_FEW_ROWS', 'trainSizes'),
  )
})
