import { describe, expect, it } from 'vitest'
import { SVC } from '../svm/svc.ts'
import { ImageClassifier } from './image-classifier.ts'

// Reading any of these images would throw FILE_UNREADABLE.
const images = ['no/a.png', 'no/b.png', 'no/c.png', 'no/d.png']
const labels = ['a', 'a', 'b', 'b']

describe('before the first image is read', () => {
  it('create rejects a precomputed kernel', async () => {
    for (const svm of [{ kernel: 'precomputed' as const }, new SVC({ kernel: 'precomputed' })]) {
      await expect(ImageClassifier.create({ svm })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        argument: 'svm.kernel',
      })
    }
  })

  it.each<[string, object, string]>([
    ['a precomputed kernel in the grid', { grid: { kernel: ['rbf', 'precomputed'] }, cv: 2 }, 'grid.kernel'],
    ['classWeight for an absent class', { grid: { classWeight: [{ c: 2 }] }, cv: 2 }, 'classWeight'],
    ['a C of 0', { grid: { C: [1, 0] }, cv: 2 }, 'C'],
    ['an unknown parameter', { grid: { c: [1] }, cv: 2 }, 'paramGrid'],
    ['one fold', { grid: { C: [1] }, cv: 1 }, 'cv'],
    ['more folds than images of a class', { grid: { C: [1] }, cv: 3 }, 'y'],
  ])('fit rejects %s', async (_, options, argument) => {
    using classifier = await ImageClassifier.create()
    await expect(classifier.fit(images, labels, options)).rejects.toMatchObject({ argument })
  })

  it('fit rejects a single class, and classWeight for an absent class', async () => {
    using classifier = await ImageClassifier.create({ svm: { classWeight: { c: 2 } } })
    await expect(classifier.fit(images, labels)).rejects.toMatchObject({ argument: 'classWeight' })
    await expect(classifier.fit(images, ['a', 'a', 'a', 'a'])).rejects.toMatchObject({ code: 'ONE_CLASS' })
  })
})
