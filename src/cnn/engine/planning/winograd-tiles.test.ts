import { expect, it } from 'vitest'
import { tileAt, tileSides } from './winograd-tiles.ts'

const lengths = (size: number, side: number, mayHaveThree: boolean) => {
  const [down] = tileSides({ channels: 1, height: size, width: 1 }, side, mayHaveThree)
  return Array.from({ length: down.count }, (_, i) => tileAt(down, i).length)
}

it('7, 14 and 13 rows are divided among tiles of 4 and 3 without a rest, multiples of 4 among tiles of 4', () => {
  expect(lengths(7, 4, true)).toEqual([4, 3])
  expect(lengths(14, 4, true)).toEqual([4, 4, 3, 3])
  expect(lengths(13, 4, true)).toEqual([4, 3, 3, 3])
  expect(lengths(8, 4, true)).toEqual([4, 4])
  expect(lengths(5, 4, true)).toEqual([3, 2])
  expect(lengths(1, 4, true)).toEqual([1])
})

it('forms without tiles of 3 have a rest in the last tile', () => {
  expect(lengths(7, 4, false)).toEqual([4, 3])
  expect(lengths(14, 4, false)).toEqual([4, 4, 4, 2])
  expect(lengths(7, 2, false)).toEqual([2, 2, 2, 1])
})

it('tiles cover every row once, whatever their number, and as many as tiles of 4 alone would be', () => {
  for (let size = 1; size < 70; size++) {
    const [down] = tileSides({ channels: 1, height: size, width: 1 }, 4, true)
    expect(down.count).toBe(Math.ceil(size / 4))
    let next = 0
    for (let i = 0; i < down.count; i++) {
      const { start, length, isThree } = tileAt(down, i)
      expect(start).toBe(next)
      expect(length).toBeGreaterThan(0)
      expect(length).toBeLessThanOrEqual(isThree ? 3 : 4)
      // What a tile of four reads stays within what tiles of four alone would read.
      expect(start + 4).toBeLessThanOrEqual(4 * down.count)
      next += length
    }
    expect(next).toBe(size)
  }
})
