import { expect, it } from 'vitest'
import { digit } from '../../../test/support/digits.ts'
import { ImageClassifier } from '../image-classifier.ts'
import { warnOfLabels } from './label-warnings.ts'

/** The warnings of labels that occur so often. */
function warnings(counts: Record<string, number>): string[] {
  const told: string[] = []
  const labels = Object.entries(counts).flatMap(([label, count]) => new Array<string>(count).fill(label))
  warnOfLabels(labels, (message) => told.push(message))
  return told
}

it('warns about classes with few images and names them', () => {
  expect(warnings({ cat: 5, dog: 6 })).toEqual([])
  expect(warnings({ cat: 4, dog: 6 })).toEqual([
    "1 class has fewer than 5 images, which is little to learn from: 'cat' has 4",
  ])
  const [many] = warnings({ a: 1, b: 2, c: 3, d: 1, e: 2, f: 2, g: 1, h: 4 })
  expect(many).toBe(
    "8 classes have fewer than 5 images, which is little to learn from: 'a' has 1, 'b' has 2, 'c' has 3, 'd' has 1, 'e' has 2, and 3 more",
  )
})

it('warns if one class has five times as many images as another', () => {
  expect(warnings({ cat: 49, dog: 10 })).toEqual([])
  expect(warnings({ cat: 50, dog: 10, bird: 20 })).toEqual([
    expect.stringMatching(/^class 'cat' has 50 images and class 'dog' has 10: /),
  ])
})

it('is passed on by fit before an image is read', async () => {
  using classifier = await ImageClassifier.create()
  const told: string[] = []
  const images = [0, 1, 2, 3].map((i) => digit(i % 2, i))
  const onWarning = (message: string) => told.push(message)
  await classifier.fit(images, [7, 9, 7, 9], { onWarning })
  expect(told).toEqual([
    '2 classes have fewer than 5 images, which is little to learn from: 7 has 2, 9 has 2',
  ])
  await expect(classifier.fit(['nowhere.png', 'nowhere.png'], [7, 9], { onWarning })).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
  })
  expect(told).toHaveLength(2)
})
