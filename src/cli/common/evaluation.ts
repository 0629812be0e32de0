import type { Evaluation } from '../../classifier/image-classifier.ts'
import { formatClassificationReport } from '../../metrics/classification-report.ts'
import { table } from './terminal.ts'

/** Returns an evaluation as an object for JSON output. */
export function evaluationDocument({ accuracy, images, confusionMatrix, report }: Evaluation): object {
  return {
    accuracy,
    images,
    confusionMatrix: { labels: confusionMatrix.labels, counts: confusionMatrix },
    report,
  }
}

/** Formats an evaluation as text: figures per class, then the confusion matrix. */
export function evaluationText({ confusionMatrix, report }: Evaluation): string {
  const { labels } = confusionMatrix
  const counts = confusionMatrix.map((row, i) => [String(labels[i]), ...row.map(String)])
  return [
    formatClassificationReport(report),
    '\nconfusion matrix (rows: true, columns: predicted)\n',
    table([['', ...labels.map(String)], ...counts]),
  ].join('')
}
