import { expect, test } from 'vitest'
import selection from '../../test/fixtures/svm/selection.json' with { type: 'json' }
import type { Matrix } from '../core/matrix.ts'
import { Normalizer } from './normalizer.ts'
import { StandardScaler } from './standard-scaler.ts'

const fixture = selection.scalers

/** Compares rows up to the last bits of float32. */
function expectRows(actual: Matrix, expected: number[][]) {
  expect([actual.rows, actual.cols]).toEqual([expected.length, expected[0].length])
  expected.flat().forEach((value, i) => {
    expect(Math.abs(actual.data[i] - value)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(value)))
  })
}

test('StandardScaler matches scikit-learn', async () => {
  const scaler = await new StandardScaler().fit(fixture.x)
  fixture.mean.forEach((mean, j) => {
    expect(Math.abs(scaler.mean[j] - mean)).toBeLessThanOrEqual(1e-13 * Math.abs(mean))
  })
  fixture.scale.forEach((scale, j) => {
    expect(Math.abs(scaler.scale[j] - scale)).toBeLessThanOrEqual(1e-12 * scale)
  })
  expectRows(await scaler.transform(fixture.x), fixture.standard)
  expectRows(await new StandardScaler().fitTransform(fixture.x), fixture.standard)
})

test('a constant column becomes 0', async () => {
  const scaler = new StandardScaler()
  const scaled = await scaler.fitTransform(Array.from({ length: 7 }, () => [0.1, 5]))
  expect([...scaler.scale]).toEqual([1, 1])
  expect(Math.max(...scaled.data.map(Math.abs))).toBeLessThan(1e-6)
})

test('a scaler created from saved numbers gives the same result', async () => {
  const scaler = await new StandardScaler().fit(fixture.x)
  const restored = StandardScaler.from({ mean: [...scaler.mean], scale: [...scaler.scale] })
  expect(await restored.transform(fixture.x)).toEqual(await scaler.transform(fixture.x))
  expect(() => StandardScaler.from({ mean: [1], scale: [1, 2] })).toThrow('scale must have 1 numbers')
  expect(() => StandardScaler.from({ mean: [1], scale: [0] })).toThrow('scale[0] must be a finite number')
  expect(() => StandardScaler.from({ mean: [Number.NaN], scale: [1] })).toThrow('mean[0] must be a finite')
})

test('StandardScaler rejects invalid input', async () => {
  await expect(new StandardScaler().transform([[1]])).rejects.toMatchObject({ code: 'NOT_FITTED' })
  await expect(new StandardScaler().fit([])).rejects.toMatchObject({ code: 'EMPTY_INPUT' })
  await expect(new StandardScaler().fit([[1], [Number.NaN]])).rejects.toMatchObject({
    code: 'NOT_FINITE',
    argument: 'X[1][0]',
  })
  const scaler = await new StandardScaler().fit([[1, 2]])
  await expect(scaler.transform([[1]])).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
})

test.each(['l1', 'l2', 'max'] as const)('Normalizer %s matches scikit-learn', async (norm) => {
  const normalizer = await new Normalizer({ norm }).fit(fixture.x)
  expectRows(await normalizer.transform(fixture.x), fixture[norm])
  expectRows(await normalizer.fitTransform(fixture.x), fixture[norm])
})

test('Normalizer does not change its input and rejects an unknown norm', async () => {
  const rows = [[3, 4]]
  expect([...(await new Normalizer().transform(rows)).data]).toEqual([Math.fround(0.6), Math.fround(0.8)])
  expect(rows).toEqual([[3, 4]])
  expect(() => new Normalizer({ norm: 'l3' as never })).toThrow(
    "norm must be 'l2', 'l1' or 'max', but is 'l3'",
  )
})
