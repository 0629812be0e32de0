import { describe, expect, it } from 'vitest'
import { checkPooling, type Pooling, pool, pooledSize, type ResolvedPooling, resolvePooling } from './pool.ts'

/** Two images, two channels, 3 x 5: image 1 contains 0 to 29, image 2 their negatives. */
const dims = [2, 2, 3, 5]
const data = Float32Array.from({ length: 60 }, (_, i) => (i < 30 ? i : 30 - i))

function pooled(pooling: ResolvedPooling, rows = 2): number[] {
  const target = new Float32Array(rows * pooledSize(pooling, dims))
  pool({ data, dims }, pooling, rows, target)
  return [...target]
}

describe('pool', () => {
  it('averages each channel', () => expect(pooled('average')).toEqual([7, 22, -7, -22]))
  it('takes the maximum of each channel', () => expect(pooled('max')).toEqual([14, 29, 0, -15]))
  it('flattens', () => expect(pooled('none', 1)).toEqual([...data.subarray(0, 30)]))

  it('averages cells, which overlap if the grid does not divide the map', () => {
    // torch.nn.functional.adaptive_avg_pool2d(torch.arange(30.).view(1, 2, 3, 5), 2).flatten()
    expect(pooled({ grid: 2 }, 1)).toEqual([3.5, 5.5, 8.5, 10.5, 18.5, 20.5, 23.5, 25.5])
    expect(pooled({ grid: 1 })).toEqual(pooled('average'))
    // Finer than the height of the map: rows are repeated.
    expect(pooled({ grid: 5 }, 1).slice(0, 25)).toEqual(
      [0, 2.5, 5, 7.5, 10].flatMap((start) => [0, 1, 2, 3, 4].map((x) => start + x)),
    )
  })

  it('propagates NaN', () => {
    const broken = { data: Float32Array.of(1, Number.NaN, 3, 4), dims: [1, 1, 2, 2] }
    for (const pooling of ['average', 'max', 'none'] as const) {
      const target = new Float32Array(4)
      pool(broken, pooling, 1, target)
      expect(target.some(Number.isNaN)).toBe(true)
    }
  })
})

it('auto averages maps and keeps rows', () => {
  expect(resolvePooling('auto', dims)).toBe('average')
  expect(resolvePooling('auto', [2, 512])).toBe('none')
  expect(() => resolvePooling('max', [2, 512])).toThrow(
    /pooling must be 'auto' or 'none' for a layer of shape \[2, 512\]/,
  )
})

it.each([['sum'], [null], [{ grid: 0 }], [{ grid: 1.5 }], [{ grid: '2' }], [{}], [2]])(
  'rejects %o',
  (pooling) => {
    expect(() => checkPooling(pooling as Pooling)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  },
)
