import { invalidArgument } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { accuracyScore, labelsOf } from './metrics.ts'

/** Metrics of one class, or an average over classes. Shares are from 0 to 1. */
export interface ReportFigures {
  /** Share of the rows predicted as this class that belong to it; 0 if there are none. */
  precision: number
  /** Share of the rows of this class that were predicted as such; 0 if there are none. */
  recall: number
  /** Harmonic mean of precision and recall; 0 if both are 0. */
  f1Score: number
  /** Number of rows of this class. */
  support: number
}

/** Metrics of every class, and their averages. */
export interface ClassificationReport<L extends Label = Label> {
  /** One entry per class, in the order of `labels`. */
  classes: (ReportFigures & { label: L })[]
  /** Share of all rows that were predicted correctly, also of rows whose label is not in `labels`. */
  accuracy: number
  /**
   * The figures of all listed classes counted together. Present if `labels` leaves out a label that occurs; otherwise
   * its precision, recall and F1 score would all equal the accuracy.
   */
  microAverage?: ReportFigures | undefined
  /** Unweighted mean over the classes. */
  macroAverage: ReportFigures
  /** Mean over the classes, weighted by support. */
  weightedAverage: ReportFigures
}

/**
 * Computes precision, recall, F1 score and support of every class, as in scikit-learn's `classification_report` (with
 * `zero_division=0`). `formatClassificationReport` formats it as text.
 *
 * @param o.labels the classes and their order. Default: every label in `yTrue` or `yPred`, sorted.
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
  const all = { right: 0, predicted: 0, support: 0 }
  const classes = labels.map((label) => {
    let support = 0
    let predicted = 0
    let right = 0
    for (let i = 0; i < yTrue.length; i++) {
      if (yTrue[i] === label) support++
      if (yPred[i] === label) predicted++
      if (yTrue[i] === label && yPred[i] === label) right++
    }
    all.right += right
    all.predicted += predicted
    all.support += support
    return { label, ...figuresOf(right, predicted, support) }
  })
  const coversAllRows = all.support === yTrue.length && all.predicted === yPred.length
  return {
    classes,
    accuracy: accuracyScore(yTrue, yPred),
    ...(coversAllRows ? {} : { microAverage: figuresOf(all.right, all.predicted, all.support) }),
    macroAverage: average(classes, () => 1),
    weightedAverage: average(classes, (figures) => figures.support),
  }
}

function figuresOf(right: number, predicted: number, support: number): ReportFigures {
  return {
    precision: share(right, predicted),
    recall: share(right, support),
    f1Score: share(2 * right, predicted + support),
    support,
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
 * Formats a report as a text table in scikit-learn's layout. As there, the line `accuracy` is replaced by `micro avg` if
 * the report leaves out labels that occur.
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
    report.microAverage
      ? line('micro avg', report.microAverage)
      : `${'accuracy'.padStart(width)} ${cells('', '', report.accuracy.toFixed(digits), String(report.macroAverage.support))}`,
    line('macro avg', report.macroAverage),
    line('weighted avg', report.weightedAverage),
    '',
  ].join('\n')
}
