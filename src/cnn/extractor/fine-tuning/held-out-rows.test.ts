import { expect, it } from 'vitest'
import { type HeldOut, splitAgain, splitRows } from './held-out-rows.ts'

const y = Array.from({ length: 50 }, (_, i) => i % 5)
const split = { validation: 0.2, randomState: 3, groups: undefined }

it('holds out other rows of each class every time, until too few are left', () => {
  const folds: HeldOut[] = [splitRows(y, split)]
  for (let next = splitAgain(y, folds, split); next; next = splitAgain(y, folds, split)) folds.push(next)
  expect(folds.length).toBeGreaterThanOrEqual(4)
  const held = folds.flatMap(({ test }) => [...test])
  expect(new Set(held).size).toBe(held.length)
  for (const { train, test } of folds) {
    expect(test).toHaveLength(10)
    expect([0, 1, 2, 3, 4].map((label) => [...test].filter((row) => y[row] === label).length)).toEqual(
      Array(5).fill(2),
    )
    expect([...train, ...test].toSorted((a, b) => a - b)).toEqual([...y.keys()])
  }
  expect(splitAgain(y, folds.slice(0, 1), split)).toEqual(folds[1])
})

it('holds out whole groups', () => {
  const groups = y.map((_, i) => Math.floor(i / 10))
  const options = { ...split, groups }
  const first = splitRows(y, options)
  const second = splitAgain(y, [first], options)!
  for (const { train, test } of [first, second]) {
    const learnt = new Set([...train].map((row) => groups[row]))
    expect([...test].some((row) => learnt.has(groups[row]))).toBe(false)
  }
})
