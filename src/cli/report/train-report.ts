import type { Evaluation, ImageClassifier, Suspect } from '../../classifier/image-classifier.ts'
import { readable } from '../common/duplicates.ts'
import type { Sides } from '../common/hold-out.ts'
import type { SkippedPictures } from '../common/skipped.ts'
import { progress } from '../common/terminal.ts'
import { reportHtml } from './report.ts'

/** Makes the report on a training, for which it looks for suspect labels. @throws {SoftmarginError} as `suspects` */
export async function makeReport(parts: {
  classifier: Pick<ImageClassifier, 'classes' | 'extractor' | 'suspects' | 'svm'>
  evaluation: Evaluation | undefined
  sides: Sides
  skipped: SkippedPictures
  isRefitted: boolean
  signal: AbortSignal
}): Promise<string> {
  const { classifier, evaluation, sides, skipped, isRefitted, signal } = parts
  const [train, judged] = [readable(sides.train, skipped), readable(sides.test, skipped)]
  // The suspects are counted as the classifier has learnt from the images.
  const paths = isRefitted ? [...train.paths, ...judged.paths] : train.paths
  const labels = isRefitted ? [...train.labels, ...judged.labels] : train.labels
  const groups = train.groups && (isRefitted ? [...train.groups, ...judged.groups!] : train.groups)
  const isAlone = classifier.classes.some((name) => {
    const own = labels.flatMap((label, i) => (label === name ? [groups ? groups[i] : i] : []))
    return new Set<string | number>(own).size < 2
  })
  const suspects = isAlone ? undefined : await classifier.suspects({ signal, onProgress: progress.update })
  progress.stop()
  const { model, layer, pooling, featureSize } = classifier.extractor.describe()
  const how = typeof pooling === 'object' ? `${pooling.grid} x ${pooling.grid} averages` : pooling
  const { C, gamma, kernel } = classifier.svm.getParams()
  return reportHtml({
    title: 'Image classifier',
    facts: [
      `${train.paths.length} images of ${classifier.classes.length} classes${judged.paths.length > 0 ? `, ${judged.paths.length} held out` : ''}`,
      `${featureSize} features of ${model}, layer ${layer}, pooling ${how}`,
      `SVM: kernel ${kernel}, C ${C}, gamma ${gamma}`,
      ...(isRefitted ? ['The saved classifier has also learnt from the images that were held out.'] : []),
    ],
    classes: classifier.classes.map(String),
    evaluation: evaluation as Evaluation<string> | undefined,
    judged,
    suspects: suspects?.map((suspect) => ({ ...(suspect as Suspect<string>), path: paths[suspect.index] })),
  })
}
