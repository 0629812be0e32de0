// What `train` prints of its result: an object for JSON output, and text.

import type { RankedLayer } from '../../classifier/choose-layer.ts'
import type { Evaluation, ImageClassifier, LeftOutImages } from '../../classifier/image-classifier.ts'
import type { ExtractorDescription } from '../../cnn/extractor/extractor.ts'
import type { DuplicatePaths } from './duplicates.ts'
import { evaluationDocument, evaluationText } from './evaluation.ts'
import { searchDocument, searchText } from './search.ts'
import type { SkippedPicture } from './skipped.ts'
import { table } from './terminal.ts'
import { tuningText } from './tuning.ts'

/** What `train` has done. */
export interface TrainResult {
  /** The file that was written, and its bytes. */
  output: string
  bytes: number
  seconds: number
  classifier: Pick<ImageClassifier, 'classes' | 'extractor' | 'rankedLayers' | 'scale' | 'search' | 'svm'>
  /** Number of images that it was trained on before the evaluation. */
  trained: number
  skipped: readonly SkippedPicture[]
  evaluation: Evaluation | undefined
  /** Images held out that are near-duplicates of training images. */
  leaks: readonly DuplicatePaths[]
  /** The accuracy that may be expected with twice as many images. */
  doubled: number | undefined
  /** Whether it has learnt from the images held out, after the evaluation. */
  isRefitted: boolean
  leftOut: LeftOutImages | undefined
}

/** Returns the result as an object for JSON output. */
export function trainDocument({
  output,
  bytes,
  seconds,
  classifier,
  trained,
  skipped,
  evaluation,
  leaks,
  doubled,
  isRefitted,
  leftOut,
}: TrainResult): object {
  const { classes, extractor, rankedLayers, scale, search, svm } = classifier
  const { layer, pooling, featureSize } = extractor.describe()
  const judged = evaluation?.images ?? 0
  return {
    file: output,
    bytes,
    seconds,
    classes,
    images: { train: trained, test: judged, skipped: skipped.length },
    skipped,
    layer,
    pooling,
    features: featureSize,
    scale,
    svm: svm.getParams(),
    layers: rankedLayers ?? null,
    fineTuning: extractor.tuning ?? null,
    search: search === undefined ? null : searchDocument(search),
    refit: isRefitted ? { images: trained + judged } : null,
    expectedWithTwice: doubled ?? null,
    leaks: evaluation === undefined ? null : leaks,
    holdOut: evaluation === undefined ? null : evaluationDocument(evaluation),
    leaveOneOut: leftOut === undefined ? null : leftOutDocument(leftOut),
  }
}

/** Formats the result as text. */
export function trainText({
  output,
  bytes,
  seconds,
  classifier,
  trained,
  evaluation,
  doubled,
  isRefitted,
  leftOut,
}: TrainResult): string {
  const { classes, extractor, rankedLayers, search } = classifier
  const { tuning } = extractor
  return [
    rankedLayers === undefined ? '' : `${rankingText(rankedLayers, extractor.describe())}\n`,
    tuning === undefined ? '' : `${tuningText(tuning)}\n`,
    search === undefined ? '' : `${searchText(search)}\n`,
    evaluation === undefined ? '' : `${evaluationText(evaluation)}\n`,
    `${trained} images of ${classes.length} classes, ${seconds.toFixed(1)} s\n`,
    evaluation !== undefined && isRefitted ? refitText(evaluation.images) : '',
    `wrote ${output} (${(bytes / 1e6).toFixed(1)} MB)\n`,
    doubled === undefined ? '' : `with twice the images perhaps ${doubled.toFixed(2)}\n`,
    leftOut === undefined ? '' : leftOutText(leftOut),
    evaluation === undefined ? '' : `hold-out accuracy ${evaluation.accuracy.toFixed(3)}\n`,
  ].join('')
}

function refitText(images: number): string {
  const held = images === 1 ? 'image that was' : `${images} images that were`
  return `after the evaluation it has learnt from the ${held} held out, too (--keep-holdout leaves them out)\n`
}

function leftOutDocument({ images, accuracy, accuracyInterval }: LeftOutImages): object {
  return { images: images.length, accuracy, accuracyInterval }
}

function leftOutText({ images, accuracy, accuracyInterval: [low, high] }: LeftOutImages): string {
  const interval = `95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}`
  return `leave-one-out accuracy ${accuracy.toFixed(3)} on ${images.length} images (${interval})\n`
}

/** Formats the layers that were compared, one per line, best first, and marks the one that is used. */
function rankingText(layers: RankedLayer[], used: ExtractorDescription): string {
  const isUsed = ({ layer, pooling }: RankedLayer) =>
    layer === used.layer && JSON.stringify(pooling) === JSON.stringify(used.pooling)
  const rows = layers.map((ranked, i) => [
    ranked.layer,
    typeof ranked.pooling === 'object' ? `${ranked.pooling.grid}x${ranked.pooling.grid}` : ranked.pooling,
    String(ranked.features),
    ranked.accuracy.toFixed(4),
    ranked.accuracyStd.toFixed(4),
    isUsed(ranked) ? (i === 0 ? 'used' : 'used: none is clearly better') : '',
  ])
  return table([['layer', 'pooling', 'features', 'accuracy', '+-', ''], ...rows])
}
