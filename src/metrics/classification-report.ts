import { invalidArgument } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { accuracyScore, labelsOf } from './metrics.ts'

/** How well one class, or an average over classes, was found. Shares from 0 to 1. */
export interface ReportFigures {
  /** Of the rows that were taken for the class, the share that is of it; 0 if none was. */
  precision: number
  /** Of the rows that are of the class, the share that was found; 0 if there is none. */
  recall: number
  /** Harmonic mean of precision and recall; 0 if both are. */
  f1Score: number
  /** How many rows are of the class. */
  support: number
}

/** Figures for every class, and their averages. */
export interface ClassificationReport<L extends Label = Label> {
  /** One entry a class, in the order of `labels`. */
  classes: (ReportFigures & { label: L })[]
  /** Share of all rows that were labelled right. */
  accuracy: number
  /** Every class counts the same. */
  macroAverage: ReportFigures
  /** Every class counts by its support. */
  weightedAverage: ReportFigures
}

/**
 * Precision, recall, f1 and support of every class, as scikit-learn's `classification_report` has them
 * (with `zero_division=0`). For a table in text: `formatClassificationReport`.
 *
 * @param o.labels the classes and their order. Default: every label that occurs on either side, sorted.
 * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `INVALID_ARGUMENT`
 */
export function classificationReport<L extends Label>(
  yTrue: ArrayLike<L>,
  yPred: ArrayLike<L>,
  o?: { labels?: readonly L[] | undefined },
): ClassificationReport<L>
export function classificationReport(
  yTrue: ArrayLike<Label>,
  yPred: ArrayLike<Label>,
  o?: { labels?: readonly Label[] | undefined },
): ClassificationReport
export function classificationReport(
  yTrue: ArrayLike<Label>,
  yPred: ArrayLike<Label>,
  o: { labels?: readonly Label[] | undefined } = {},
): ClassificationReport {
  const labels = labelsOf(yTrue, yPred, o.labels)
  const classes = labels.map((label) => {
    let support = 0
    let predicted = 0
    let right = 0
    for (let i = 0; i < yTrue.length; i++) {
      if (yTrue[i] === label) support++
      if (yPred[i] === label) predicted++
      if (yTrue[i] === label && yPred[i] === label) right++
    }
    return {
      label,
      precision: share(right, predicted),
      recall: share(right, support),
      f1Score: share(2 * right, predicted + support),
      support,
    }
  })
  return {
    classes,
    accuracy: accuracyScore(yTrue, yPred),
    macroAverage: average(classes, () => 1),
    weightedAverage: average(classes, (figures) => figures.support),
  }
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}

function average(
  classes: readonly ReportFigures[],
  weight: (figures: ReportFigures) => number,
): ReportFigures {
  const mean = { precision: 0, recall: 0, f1Score: 0, support: 0 }
  let total = 0
  for (const figures of classes) {
    const w = weight(figures)
    mean.precision += w * figures.precision
    mean.recall += w * figures.recall
    mean.f1Score += w * figures.f1Score
    mean.support += figures.support
    total += w
  }
  mean.precision = share(mean.precision, total)
  mean.recall = share(mean.recall, total)
  mean.f1Score = share(mean.f1Score, total)
  return mean
}

/**
 * The report as a table in text, laid out as scikit-learn's.
 *
 * @param o.digits decimal places, 0 to 20. Default 2.
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function formatClassificationReport(
  report: ClassificationReport,
  o: { digits?: number | undefined } = {},
): string {
  const digits = o.digits ?? 2
  if (!Number.isInteger(digits) || digits < 0 || digits > 20) {
    throw invalidArgument('digits', digits, 'an integer from 0 to 20')
  }
  const names = report.classes.map(({ label }) => String(label))
  const width = Math.max(...names.map((name) => name.length), 'weighted avg'.length, digits)
  const cells = (...texts: string[]) => texts.map((text) => ` ${text.padStart(9)}`).join('')
  const line = (name: string, { precision, recall, f1Score, support }: ReportFigures) =>
    `${name.padStart(width)} ${cells(...[precision, recall, f1Score].map((x) => x.toFixed(digits)), String(support))}`
  return [
    `${' '.repeat(width)} ${cells('precision', 'recall', 'f1-score', 'support')}`,
    '',
    ...report.classes.map((figures, i) => line(names[i], figures)),
    '',
    `${'accuracy'.padStart(width)} ${cells('', '', report.accuracy.toFixed(digits), String(report.macroAverage.support))}`,
    line('macro avg', report.macroAverage),
    line('weighted avg', report.weightedAverage),
    '',
  ].join('\n')
}
