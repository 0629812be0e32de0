import { expect, test } from 'vitest'
import { Random } from './random.ts'

test('the same seed gives the same numbers, on every host and in every version', () => {
  const random = new Random(42)
  expect(Array.from({ length: 4 }, () => random.uint32())).toEqual([
    660444221, 3652823732, 77672526, 910233633,
  ])
})

test('the results of below() are equally frequent', () => {
  const random = new Random(1)
  const counts = new Array(7).fill(0)
  for (let i = 0; i < 70_000; i++) counts[random.below(7)]++
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400)
})

test('shuffle keeps every element and changes the order', () => {
  const list = Int32Array.from({ length: 100 }, (_, i) => i)
  const shuffled = new Random(3).shuffle(list.slice())
  expect(shuffled).not.toEqual(list)
  expect(shuffled.slice().sort()).toEqual(list)
})

test.each([-1, 1.5, 2 ** 32, Number.NaN])('seed %s is rejected', (seed) => {
  expect(() => new Random(seed)).toThrow('randomState must be an integer from 0 to 4294967295')
})
