import { expect, it } from 'vitest'
import { Matrix } from '../core/matrix.ts'
import { Random } from '../core/random.ts'
import { nearDuplicates } from './near-duplicates.ts'
import { trainTestSplit } from './splits/train-test-split.ts'

const random = new Random(4)
const noise = () => random.uint32() / 2 ** 32 - 0.5
const rows = Array.from({ length: 200 }, () => Array.from({ length: 30 }, noise))
/** Rows 40, 80 and 120 are slightly changed copies of row 7, and row 150 of row 3. */
for (const [copy, original] of [
  [40, 7],
  [80, 7],
  [120, 7],
  [150, 3],
] as const) {
  rows[copy] = rows[original].map((value) => value + 0.02 * noise())
}

it('finds copies and puts them into one group', async () => {
  const progress: number[] = []
  const { pairs, groups } = await nearDuplicates(rows, { onProgress: ({ done }) => progress.push(done) })
  expect(progress.at(-1)).toBe(200)
  const found = pairs.map((pair) => pair.rows).sort(([a, b], [c, d]) => a - c || b - d)
  expect(found).toEqual([
    [3, 150],
    [7, 40],
    [7, 80],
    [7, 120],
    [40, 80],
    [40, 120],
    [80, 120],
  ])
  for (const [i, { similarity }] of pairs.entries()) {
    expect(similarity).toBeGreaterThan(0.98)
    expect(similarity).toBeLessThanOrEqual(i === 0 ? 1 : pairs[i - 1].similarity)
  }
  expect([40, 80, 120].map((row) => groups[row])).toEqual([7, 7, 7])
  expect(groups[150]).toBe(3)
  expect(groups[8]).toBe(8)

  const y = rows.map((_, i) => i % 2)
  for (let randomState = 0; randomState < 20; randomState++) {
    const { testRows } = trainTestSplit(rows, y, { groups, randomState })
    const held = [7, 40, 80, 120].filter((row) => testRows.includes(row))
    expect([0, 4]).toContain(held.length)
  }
})

it('compares by the cosine of standardized rows', async () => {
  const few = Matrix.from(rows.slice(0, 50))
  const { pairs } = await nearDuplicates(few, { similarity: 0.25 })
  const columns = Array.from({ length: 30 }, (_, f) => Array.from({ length: 50 }, (_, i) => few.row(i)[f]))
  const standard = columns.map((column) => {
    const mean = column.reduce((a, b) => a + b) / 50
    const deviation = Math.sqrt(column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 50)
    return column.map((value) => (value - mean) / deviation)
  })
  const dot = (i: number, j: number) => standard.reduce((sum, column) => sum + column[i] * column[j], 0)
  const cosine = (i: number, j: number) => dot(i, j) / Math.sqrt(dot(i, i) * dot(j, j))
  const expected = [...Array(50).keys()].flatMap((i) =>
    [...Array(50).keys()].filter((j) => j > i && cosine(i, j) > 0.25).map((j) => [i, j]),
  )
  expect(expected.length).toBeGreaterThan(20)
  expect(pairs).toHaveLength(expected.length)
  for (const { rows: own, similarity } of pairs) {
    expect(expected).toContainEqual(own)
    expect(similarity).toBeCloseTo(cosine(...own), 5)
  }
})

it('accepts equal rows and constant columns', async () => {
  const { pairs } = await nearDuplicates([
    [1, 5],
    [2, 5],
    [1, 5],
  ])
  expect(pairs.map((pair) => pair.rows)).toEqual([[0, 2]])
  // Rows that are all the same have no direction: each is the same as the others.
  expect((await nearDuplicates([[1], [1]])).pairs).toHaveLength(1)
})

it('rejects invalid input and names the argument', async () => {
  const code = (wanted: string) => expect.objectContaining({ code: wanted })
  await expect(nearDuplicates([])).rejects.toEqual(code('EMPTY_INPUT'))
  await expect(nearDuplicates([[Number.NaN]])).rejects.toEqual(code('NOT_FINITE'))
  await expect(nearDuplicates([[1]], { similarity: 1.5 })).rejects.toThrow(
    'similarity must be a number above 0 and at most 1, but is 1.5',
  )
  await expect(nearDuplicates(rows, { signal: AbortSignal.abort() })).rejects.toEqual(code('ABORTED'))
})
