import type { Evaluation, UnknownEvaluation } from '../../classifier/image-classifier.ts'
import { formatClassificationReport } from '../../metrics/classification-report.ts'
import { table } from './terminal.ts'

/** Returns an evaluation as an object for JSON output. */
export function evaluationDocument({
  accuracy,
  accuracyInterval,
  images,
  confusionMatrix,
  report,
  unknown,
}: Evaluation): object {
  return {
    accuracy,
    accuracyInterval,
    images,
    confusionMatrix: { labels: confusionMatrix.labels, counts: confusionMatrix },
    report,
    ...(unknown && { unknown }),
  }
}

/** Formats an evaluation as text: figures per class, then the confusion matrix. */
export function evaluationText({ accuracyInterval, confusionMatrix, report, unknown }: Evaluation): string {
  const { labels } = confusionMatrix
  const counts = confusionMatrix.map((row, i) => [String(labels[i]), ...row.map(String)])
  return [
    formatClassificationReport(report),
    '\nconfusion matrix (rows: true, columns: predicted)\n',
    table([['', ...labels.map(String)], ...counts]),
    `\nthe accuracy is ${accuracyInterval.map((end) => end.toFixed(3)).join(' to ')} with 95 % confidence\n`,
    unknown ? unknownText(unknown) : '',
  ].join('')
}

function unknownText({ refused, wronglyAccepted, known, others }: UnknownEvaluation): string {
  const share = (part: number, of: number, what: string) =>
    of === 0 ? `no image of ${what}` : `${(100 * part).toFixed(1)} % of ${of} images of ${what}`
  return [
    `\nrefused as none of these: ${share(refused, known, 'its classes')}\n`,
    `taken for one of its classes: ${share(wronglyAccepted, others, 'other classes')}\n`,
  ].join('')
}
