import { describe, expect, it, vi } from 'vitest'
import { digit } from '../../../test/support/digits.ts'
import { encodeLabels } from '../../core/label-codes.ts'
import { FeatureStore } from '../../store/feature-store.ts'
import { ImageClassifier } from '../image-classifier.ts'
import { reviewFolds } from './review-folds.ts'

const extractor = { layer: 'stage3', pooling: { grid: 2 } } as const
const store = await FeatureStore.inMemory()
const kinds = [0, 1, 7]
/** Twelve digits of each class, each of them three times: the copies of a digit are a group. */
const originals = kinds.flatMap((kind) => Array.from({ length: 12 }, (_, n) => ({ kind, n })))
const copies = [0, 1, 2].flatMap(() => originals)
const images = copies.map(({ kind, n }) => digit(kind, n))
const labels = copies.map(({ kind }) => kind)
const groups = copies.map(({ kind, n }) => `${kind}, ${n}`)

describe('groups', () => {
  it('reviewFolds() deals whole groups, every class to two folds', () => {
    const folds = reviewFolds(encodeLabels(labels), { groups })
    for (const { train, test } of folds) {
      const held = new Set(Array.from(test, (row) => groups[row]))
      expect(train.some((row) => held.has(groups[row]))).toBe(false)
    }
    const judged = folds.flatMap(({ test }) => [...test])
    expect(judged.sort((a, b) => a - b)).toEqual([...groups.keys()])
    expect(folds.length).toBe(5)
    const three = groups.map((_, row) => row % 3)
    expect(reviewFolds(encodeLabels(labels), { groups: three }).length).toBe(3)
    expect(reviewFolds(encodeLabels(labels))).not.toEqual(folds)
  })

  it('reviewFolds() judges only the rows that the CNN has not learnt from, if it has learnt from others', () => {
    const unseen = Int32Array.of(0, 1, 13, 30)
    const [{ train, test }, ...others] = reviewFolds(encodeLabels(labels), { unseen })
    expect(others).toEqual([])
    expect(test).toEqual(unseen)
    expect([...train, ...test].sort((a, b) => a - b)).toEqual([...labels.keys()])
  })

  it('suspects() finds a wrong label whose copies have it, too', async () => {
    const wrong = groups.flatMap((group, row) => (group === '0, 5' ? [row] : []))
    const y = labels.map((label, row) => (wrong.includes(row) ? 7 : label))
    using classifier = await ImageClassifier.create({ extractor, store })
    await classifier.fit(images, y)
    const without = (await classifier.suspects()).map(({ index }) => index)
    expect(wrong.some((row) => without.includes(row))).toBe(false)
    const found = await classifier.suspects({ groups })
    expect(
      found
        .slice(0, 3)
        .map(({ index }) => index)
        .sort((a, b) => a - b),
    ).toEqual(wrong)

    // Those of the fit are the default, also after a refit on the same images.
    await classifier.fit(images, y, { groups })
    expect(await classifier.suspects()).toEqual(found)
    await classifier.refit()
    expect(await classifier.suspects()).toEqual(found)
    await classifier.add(images.slice(0, 2), labels.slice(0, 2))
    await classifier.refit({ groups: [...groups, ...groups.slice(0, 2)] })
    const again = (await classifier.suspects()).slice(0, 3).map(({ index }) => index)
    expect(again.sort((a, b) => a - b)).toEqual(wrong)
  })

  it('probabilities of copies are those of pictures that the folds have not seen', async () => {
    const others = kinds.flatMap((kind) => Array.from({ length: 20 }, (_, n) => digit(kind, 20 + n)))
    const confidence = async (grouped: boolean) => {
      using classifier = await ImageClassifier.create({ extractor, store, probability: true })
      await classifier.fit(images, labels, { groups: grouped ? groups : undefined })
      const probabilities = await classifier.predictProba(others)
      const greatest = others.map((_, i) => Math.max(...probabilities.row(i)))
      return greatest.reduce((sum, value) => sum + value, 0) / others.length
    }
    const [apart, together] = [await confidence(false), await confidence(true)]
    expect(together).toBeLessThan(apart)
  })

  it('the threshold of unknown comes from pictures that the folds have not seen', async () => {
    const others = kinds.flatMap((kind) => Array.from({ length: 40 }, (_, n) => digit(kind, 20 + n)))
    const refused = async (grouped: boolean) => {
      using classifier = await ImageClassifier.create({ extractor, store, unknown: { reject: 0.1 } })
      await classifier.fit(images, labels, { groups: grouped ? groups : undefined })
      const scores = await classifier.knownScore(others)
      return scores.filter((score) => score < 0).length / scores.length
    }
    const [apart, together] = [await refused(false), await refused(true)]
    // The folds that hold copies take new pictures for something else.
    expect(apart).toBeGreaterThan(0.5)
    expect(together).toBeLessThan(0.3)
  })

  it('must be as many as the images, with two of each class, which is checked before images are read', async () => {
    using classifier = await ImageClassifier.create({ extractor, store, probability: true })
    const read = vi.spyOn(classifier.extractor, 'extract')
    const short = { code: 'SHAPE_MISMATCH', argument: 'groups' }
    await expect(classifier.fit(images, labels, { groups: groups.slice(1) })).rejects.toMatchObject(short)
    const alone = labels.map((label, row) => (label === 1 ? -1 : row))
    const error = await classifier.fit(images, labels, { groups: alone }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'TOO_FEW_ROWS', argument: 'groups' })
    expect(error.message).toMatch(/^each class must have at least 2 groups of images, .* but 1 has 1$/)
    expect(read).not.toHaveBeenCalled()
    await classifier.fit(images, labels)
    await expect(classifier.suspects({ groups: groups.slice(1) })).rejects.toMatchObject(short)
    await expect(classifier.refit({ groups: groups.slice(1) })).rejects.toMatchObject(short)
    await expect(classifier.suspects({ groups: alone })).rejects.toMatchObject({ argument: 'groups' })
  })
})
