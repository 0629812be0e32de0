import { expect, it } from 'vitest'
import { Random } from '../../core/random.ts'
import { drawCutMix, pasteRectangle } from './cut-mix.ts'

const size = { channels: 2, height: 3, width: 4 }

it('a rectangle of another image replaces that of an image', () => {
  const to = new Float32Array(24)
  const from = Float32Array.from(to, (_, i) => i + 1)
  const mix = { others: new Int32Array(), top: 1, left: 2, height: 2, width: 1, share: 10 / 12 }
  pasteRectangle(from, to, size, mix)
  expect([...to]).toEqual([
    ...[0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 11, 0],
    ...[0, 0, 0, 0, 0, 0, 19, 0, 0, 0, 23, 0],
  ])
})

it('rectangles are drawn uniformly by their area, within the image, and each image is pasted once', () => {
  const random = new Random(5)
  const large = { channels: 3, height: 40, width: 60 }
  const drawn = Array.from({ length: 2000 }, () => drawCutMix(random, 7, large))
  for (const { top, left, height, width, share, others } of drawn) {
    expect(top >= 0 && top + height <= 40 && left >= 0 && left + width <= 60).toBe(true)
    expect(share).toBe(1 - (height * width) / 2400)
    expect([...others].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
  }
  const mean = drawn.reduce((sum, { share }) => sum + share, 0) / drawn.length
  expect(mean).toBeGreaterThan(0.47)
  expect(mean).toBeLessThan(0.55)
  expect(drawCutMix(new Random(5), 7, large)).toEqual(drawn[0])
})
