import { expect, it } from 'vitest'
import { seeded } from '../../../test/support/layered-cnn.ts'
import { viewsOfBatch } from './image-views.ts'

const size = { channels: 3, height: 32, width: 32 }
const length = 3 * 32 * 32
const images = seeded(6 * length, 5)
const image = (i: number) => images.slice(i * length, (i + 1) * length)
const plan = { count: 4, flip: true, shift: 1 / 16, randomState: 3 }
const viewsOf = (some: Float32Array, changes = {}) =>
  Array.from(viewsOfBatch(some, size, { ...plan, ...changes }), (batch) => batch.slice())

it('the views of an image are the same in any batch', () => {
  const whole = viewsOf(images)
  expect(whole).toHaveLength(4)
  for (const i of [0, 5]) {
    const alone = viewsOf(image(i))
    expect(alone).toEqual(whole.map((batch) => batch.slice(i * length, (i + 1) * length)))
  }
})

it('the views depend on the seed and on the image, and the first ones not on their number', () => {
  const views = viewsOf(image(0))
  expect(viewsOf(image(0), { count: 2 })).toEqual(views.slice(0, 2))
  expect(viewsOf(image(0), { randomState: 4 })).not.toEqual(views)
  const changes = (of: Float32Array) => viewsOf(of).map((view) => view.indexOf(of[500]))
  expect(new Set([0, 1, 2, 3, 4, 5].map((i) => changes(image(i)).join())).size).toBeGreaterThan(1)
})

it('without mirroring and shifts they are the image itself', () => {
  expect(viewsOf(image(2), { flip: false, shift: 0, count: 2 })).toEqual([image(2), image(2)])
})
