import { describe, expect, test } from 'vitest'
import { distance } from '../../../test/support/more-fixtures.ts'
import { loadFixtures } from '../../../test/support/svm-fixtures.ts'
import { Matrix } from '../../core/matrix.ts'
import { SVC, type SvcOptions } from '../svc.ts'

const digits = loadFixtures().find(({ name }) => name === 'digits')!
const X = digits.XTrain.select(Array.from({ length: 600 }, (_, i) => i))
const y = digits.yTrain.slice(0, 600)
const XTest = digits.XTest

const iterations = (svc: SVC) => svc.nIter.reduce((sum, n) => sum + n, 0)
const decisions = async (svc: SVC) => (await svc.decisionFunction(XTest, { shape: 'ovo' })).data

/** Fits with and without a warm start, and expects the same result in fewer iterations. */
async function compare(options: SvcOptions, from: SVC | true, warm: SVC, rows = X, labels = y) {
  const cold = await new SVC(options).fit(rows, labels)
  await warm.fit(rows, labels, { warmStart: from })
  expect(distance(await decisions(warm), await decisions(cold))).toBeLessThan(1e-2)
  expect(warm.fitStatus).toBe('converged')
  return iterations(warm) / iterations(cold)
}

describe.each(['rbf', 'linear', 'poly'] as const)('%s', (kernel) => {
  const options: SvcOptions = { kernel, tol: 1e-4, gamma: 0.001 }

  test('repeating a fit takes almost no iterations', async () => {
    const svc = await new SVC(options).fit(X, y)
    expect(await compare(options, true, svc)).toBeLessThan(0.05)
  })

  test('with more rows', async () => {
    const first = X.select(Array.from({ length: 540 }, (_, i) => i))
    const svc = await new SVC(options).fit(first, y.slice(0, 540))
    expect(await compare(options, true, svc)).toBeLessThan(0.9)
  })

  test('with a larger and a smaller C', async () => {
    const svc = await new SVC({ ...options, C: 1 }).fit(X, y)
    const larger = { ...options, C: 2 }
    expect(await compare(larger, svc, new SVC(larger))).toBeLessThan(0.9)
    const smaller = { ...options, C: 0.9 }
    expect(await compare(smaller, svc, new SVC(smaller))).toBeLessThan(0.9)
  })
})

describe('warmStart', () => {
  const options: SvcOptions = { C: 10, gamma: 0.001, tol: 1e-4 }

  test('from a fit with a small cache', async () => {
    const svc = await new SVC(options).fit(X, y)
    const little = { ...options, cacheSize: 0.01 }
    expect(await compare(little, svc, new SVC(little))).toBeLessThan(0.05)
  })

  test('with a new class among the added rows', async () => {
    const old = [...y.keys()].filter((row) => y[row] !== 3)
    const rows = X.select([...old, ...[...y.keys()].filter((row) => y[row] === 3)])
    const labels = [...old.map((row) => y[row]), ...y.filter((label) => label === 3)]
    const svc = await new SVC(options).fit(X.select(old), labels.slice(0, old.length))
    expect(await compare(options, true, svc, rows, labels)).toBeLessThan(0.5)
  })

  test('with other weights', async () => {
    const svc = await new SVC(options).fit(X, y)
    const sampleWeight = y.map((_, row) => (row % 10 === 0 ? 0 : 0.5 + (row % 3)))
    const cold = await new SVC(options).fit(X, y, { sampleWeight })
    await svc.fit(X, y, { sampleWeight, warmStart: true })
    expect(distance(await decisions(svc), await decisions(cold))).toBeLessThan(1e-2)
    expect([...svc.support].every((row) => sampleWeight[row] > 0)).toBe(true)
  })

  test.each([
    ['rows in another order', [...y.keys()].reverse()],
    ['fewer rows', [...y.keys()].slice(300)],
  ])('%s: the duals are discarded', async (_, rows) => {
    const labels = rows.map((row) => y[row])
    const svc = await new SVC(options).fit(X, y)
    const cold = await new SVC(options).fit(X.select(rows), labels)
    await svc.fit(X.select(rows), labels, { warmStart: true })
    expect(svc.dualCoef).toEqual(cold.dualCoef)
    expect(svc.nIter).toEqual(cold.nIter)
  })

  test('a relabelled support vector or other columns: the duals are discarded', async () => {
    const svc = await new SVC(options).fit(X, y)
    const labels = y.slice()
    const row = svc.support[0]
    labels[row] = labels[row] === 0 ? 1 : 0
    const cold = await new SVC(options).fit(X, labels)
    const warm = await new SVC(options).fit(X, labels, { warmStart: svc })
    expect(warm.nIter).toEqual(cold.nIter)
    const narrow = new Matrix(X.data.slice(0, 600 * 32), 600, 32)
    const other = await new SVC(options).fit(narrow, y, { warmStart: svc })
    expect(other.nIter).toEqual((await new SVC(options).fit(narrow, y)).nIter)
  })

  test('before the first fit it changes nothing', async () => {
    const [warm, cold] = [await new SVC().fit(X, y, { warmStart: true }), await new SVC().fit(X, y)]
    expect(warm.nIter).toEqual(cold.nIter)
    await expect(new SVC().fit(X, y, { warmStart: new SVC() })).rejects.toMatchObject({ code: 'NOT_FITTED' })
    await expect(new SVC().fit(X, y, { warmStart: 1 as unknown as boolean })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'warmStart',
    })
  })

  test('continues after maxIter', async () => {
    const svc = await new SVC({ ...options, maxIter: 20 }).fit(X, y)
    expect(svc.fitStatus).toBe('maxIter')
    expect(Math.max(...svc.nIter)).toBe(20)
    const before = iterations(await new SVC(options).fit(X, y))
    const rest = await new SVC(options).fit(X, y, { warmStart: svc })
    expect(rest.fitStatus).toBe('converged')
    expect(iterations(rest)).toBeLessThan(before)
  })
})
