import { expect, it } from 'vitest'
import { Random } from '../../core/random.ts'
import { applyView, drawView } from './augment.ts'

const size = { channels: 2, height: 2, width: 4 }
const image = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17)

function viewed(view: { flip?: boolean; down?: number; right?: number }): number[] {
  const to = new Float32Array(image.length)
  applyView(image, to, size, { flip: false, down: 0, right: 0, ...view })
  return [...to]
}

it('an image is mirrored and shifted with a reflected border', () => {
  expect(viewed({})).toEqual([...image])
  expect(viewed({ flip: true })).toEqual([3, 2, 1, 0, 7, 6, 5, 4, 13, 12, 11, 10, 17, 16, 15, 14])
  expect(viewed({ right: 1 })).toEqual([1, 0, 1, 2, 5, 4, 5, 6, 11, 10, 11, 12, 15, 14, 15, 16])
  expect(viewed({ right: -1 })).toEqual([1, 2, 3, 2, 5, 6, 7, 6, 11, 12, 13, 12, 15, 16, 17, 16])
  expect(viewed({ down: 1 })).toEqual([4, 5, 6, 7, 0, 1, 2, 3, 14, 15, 16, 17, 10, 11, 12, 13])
  expect(viewed({ flip: true, right: 1 })).toEqual([2, 3, 2, 1, 6, 7, 6, 5, 12, 13, 12, 11, 16, 17, 16, 15])
})

it('augmentations are drawn uniformly within their bounds', () => {
  const random = new Random(3)
  const drawn = Array.from({ length: 2000 }, () =>
    drawView(random, true, 1 / 16, { channels: 3, height: 32, width: 32 }),
  )
  const share = drawn.filter(({ flip }) => flip).length / drawn.length
  expect(share).toBeGreaterThan(0.45)
  expect(share).toBeLessThan(0.55)
  expect([...new Set(drawn.map(({ down }) => down))].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2])
  expect([...new Set(drawn.map(({ right }) => right))].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2])
  expect(drawView(random, false, 0, size)).toEqual({ flip: false, down: 0, right: 0 })
})
