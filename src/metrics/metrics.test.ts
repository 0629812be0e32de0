import { expect, test } from 'vitest'
import selection from '../../test/fixtures/svm/selection.json' with { type: 'json' }
import type { Label } from '../core/labels.ts'
import { classificationReport, formatClassificationReport } from './classification-report.ts'
import { accuracyScore, confusionMatrix } from './metrics.ts'

interface SklearnFigures {
  precision: number
  recall: number
  'f1-score': number
  support: number
}

function renamed({ 'f1-score': f1Score, ...others }: SklearnFigures) {
  return { ...others, f1Score }
}

function expectFigures(actual: object, expected: SklearnFigures) {
  for (const [name, value] of Object.entries(renamed(expected))) {
    expect(actual).toHaveProperty(name, expect.closeTo(value, 12))
  }
}

test.each(selection.reports)('metrics match scikit-learn: $labels', (fixture) => {
  const yTrue: Label[] = fixture.yTrue
  const yPred: Label[] = fixture.yPred
  expect(accuracyScore(yTrue, yPred)).toBe(fixture.accuracy)

  const matrix = confusionMatrix(yTrue, yPred)
  expect(matrix.labels).toEqual(fixture.labels)
  expect([...matrix]).toEqual(fixture.matrix)

  const report = classificationReport(yTrue, yPred)
  const expected = fixture.report as unknown as Record<string, SklearnFigures>
  for (const figures of report.classes) expectFigures(figures, expected[figures.label])
  expectFigures(report.macroAverage, expected['macro avg'])
  expectFigures(report.weightedAverage, expected['weighted avg'])
  expect(report.accuracy).toBe(fixture.accuracy)
  expect(formatClassificationReport(report)).toBe(fixture.text)
})

test('labels can be chosen and ordered', () => {
  const matrix = confusionMatrix(['a', 'b', 'c', 'b'], ['a', 'c', 'c', 'b'], { labels: ['c', 'b'] })
  expect([...matrix]).toEqual([
    [1, 0],
    [1, 1],
  ])
  expect(classificationReport([0, 1], [0, 0], { labels: [1] }).classes).toEqual([
    { label: 1, precision: 0, recall: 0, f1Score: 0, support: 1 },
  ])
})

// Expected values: scikit-learn 1.2.1, classification_report(y_true, y_pred, labels=['a', 'b']).
test('shows micro averages instead of the accuracy if `labels` leaves out some', () => {
  const yTrue = ['a', 'b', 'c', 'a', 'b', 'c', 'a']
  const yPred = ['a', 'b', 'b', 'c', 'b', 'c', 'a']
  const report = classificationReport(yTrue, yPred, { labels: ['a', 'b'] })
  expect(report.microAverage).toEqual({ precision: 0.8, recall: 0.8, f1Score: 0.8, support: 5 })
  expect(report.accuracy).toBe(5 / 7)
  expect(formatClassificationReport(report)).toBe(
    [
      '              precision    recall  f1-score   support',
      '',
      '           a       1.00      0.67      0.80         3',
      '           b       0.67      1.00      0.80         2',
      '',
      '   micro avg       0.80      0.80      0.80         5',
      '   macro avg       0.83      0.83      0.80         5',
      'weighted avg       0.87      0.80      0.80         5',
      '',
    ].join('\n'),
  )
  expect(classificationReport(yTrue, yPred, { labels: ['c', 'b', 'a'] }).microAverage).toBeUndefined()
})

test('throws for invalid input and names the argument', () => {
  expect(() => accuracyScore([1, 2], [1])).toThrow(
    'yPred must have 2 labels, one for each row of yTrue, but has 1',
  )
  expect(() => accuracyScore([], [])).toThrow('yTrue must have at least one label')
  expect(() => confusionMatrix<string | number>(['1'], [1])).toThrow(
    'yPred[0] must be a string, like yTrue[0]',
  )
  expect(() => confusionMatrix([1], [1], { labels: [1, 1] })).toThrow(
    'labels must be an array of distinct labels',
  )
  expect(() => formatClassificationReport(classificationReport([1], [1]), { digits: -1 })).toThrow('digits')
})
