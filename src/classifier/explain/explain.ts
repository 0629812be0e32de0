import type { LongCall } from '../../core/call-options.ts'
import { invalidArgument, type SoftmarginError, show, throwIfAborted } from '../../core/errors.ts'
import { checkKnownOptions } from '../../core/known-options.ts'
import type { Label } from '../../core/labels.ts'
import { Matrix } from '../../core/matrix.ts'
import { closestName } from '../../core/suggest.ts'
import { decodeImage } from '../../image/decode.ts'
import type { ImageInput, RawImage } from '../../image/image-input.ts'
import type { SVC } from '../../svm/svc.ts'
import type { ClassifierProgress } from '../classifier-options.ts'
import type { Pipeline } from '../predict-images.ts'
import { heatOverlay } from './heat-overlay.ts'
import { layerMap } from './layer-map.ts'
import { networkPicture } from './network-picture.ts'
import { occlusionMap, type ScoreRows, windowCount } from './occlusion-map.ts'

/** What an explanation leaves out to see what it does; see `ExplainOptions.method`. */
export type ExplainMethod = 'layer' | 'occlusion'

/** Options of `ImageClassifier.explain`. */
export interface ExplainOptions<L extends Label = Label> extends LongCall<ClassifierProgress> {
  /** The class to explain. Default: the one that the SVM finds. */
  label?: L | undefined
  /**
   * `'layer'` leaves windows of the network's last maps out of their averages, which takes a single run of the network; it
   * needs features that are such averages or are computed from them alone. `'occlusion'` hides windows of the image, which
   * computes the features of 65 images (fewer where the network's input has a side under 8 pixels) and suits every
   * network. Default: `'layer'` where it is possible.
   */
  method?: ExplainMethod | undefined
  /** As for `predict`. */
  batchSize?: number | undefined
}

/** Which parts of an image make a classifier find a label. */
export interface Explanation<L extends Label = Label> {
  /** The label that is explained. */
  label: L
  /**
   * How strongly the classifier decides for that label: the mean of the SVM's decision values against each of the other
   * classes, positive for the label.
   */
  score: number
  /** How the map was made. */
  method: ExplainMethod
  /**
   * By how much the score falls if a window around each pixel is left out, which has three eighths of the width and of the
   * height of what the network sees: positive where the image speaks for the label, negative where it speaks against. One
   * row and one column for each pixel that the network sees.
   */
  map: Matrix
  /** The part of the image that the map covers, in pixels of the image. */
  window: { left: number; top: number; width: number; height: number }
  /**
   * The image with the map drawn over it, in red what speaks for the label and in blue what speaks against: RGBA, at most
   * 1,024 pixels on the longer side.
   */
  pixels: RawImage & { channels: 4 }
}

/** Explains one image; see `ImageClassifier.explain`. */
export async function explainImage<L extends Label>(
  pipeline: Pipeline<L>,
  image: ImageInput,
  o: ExplainOptions<L>,
): Promise<Explanation<L>> {
  const { svc, scaler, source } = pipeline
  const { extractor } = source
  checkExplain(image, o, svc.classes)
  const { signal, batchSize } = o
  const decoded = await decodeImage(image, 'image', { signal })
  const { picture, window } = networkPicture(decoded, extractor.describe().preprocess)
  const extract = (pictures: readonly RawImage[]) =>
    extractor.extractPictures(pictures, { signal, batchSize })
  const own = await scaler.transform(await extract([picture]))
  const label = o.label ?? (await svc.predict(own, { signal }))[0]
  const [score] = await scoresOf(svc, own, label, signal)
  const scoreRows: ScoreRows = async (features) =>
    scoresOf(svc, await scaler.transform(features), label, signal)
  const averages = o.method === 'occlusion' ? undefined : await extractor.openAverages()
  if (!averages && o.method === 'layer') throw notFromAverages(extractor.describe().layer)
  const total = 1 + (averages ? 0 : windowCount(picture))
  const report = (done: number) => o.onProgress?.({ stage: 'features', done, total })
  report(1)
  let values: Float32Array
  try {
    values = averages
      ? await layerMap(averages, picture, scoreRows)
      : await occlusionMap(picture, score, extract, scoreRows, (done) => report(1 + done))
  } finally {
    await averages?.release()
  }
  throwIfAborted(signal)
  const map = new Matrix(values, picture.height, picture.width)
  const pixels = heatOverlay(decoded, map, window)
  return { label, score, method: averages ? 'layer' : 'occlusion', map, window, pixels }
}

function notFromAverages(layer: string): SoftmarginError {
  const expected = `'occlusion' for the layer ${show(layer)}`
  const message = `method 'layer' needs features that are averages of maps, or computed from such averages alone, but those of the layer ${show(layer)} are not; use 'occlusion'`
  return invalidArgument('method', 'layer', expected, message)
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
function checkExplain<L extends Label>(image: unknown, o: ExplainOptions<L>, classes: readonly L[]): void {
  if (Array.isArray(image)) {
    const message = `explain takes one image, but was given an array of ${image.length}; call it for each of them`
    throw invalidArgument('image', image, 'one image', message)
  }
  checkKnownOptions(o, ['label', 'method', 'batchSize', 'signal', 'onProgress'])
  const { label, method } = o
  if (method !== undefined && method !== 'occlusion' && method !== 'layer') {
    throw invalidArgument('method', method, "'layer' or 'occlusion'")
  }
  if (label !== undefined && !classes.includes(label)) throw unknownLabel(label, classes)
}

function unknownLabel(label: Label, classes: readonly Label[]): SoftmarginError {
  const [near] = closestName(String(label), classes.map(String), 1, 2)
  const hint =
    near === undefined
      ? ': pass one of its `classes`'
      : `; did you mean ${show(classes.find((one) => String(one) === near))}?`
  const message = `label ${show(label)} is not one of the ${classes.length} classes of this classifier${hint}`
  return invalidArgument('label', label, 'one of the classes', message)
}

/** The mean decision value of a class against each of the others, for each row. */
async function scoresOf<L extends Label>(
  svc: SVC<L>,
  rows: Matrix,
  label: L,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const { classes } = svc
  const wanted = classes.indexOf(label)
  const decisions = await svc.decisionFunction(rows, { shape: 'ovo', signal })
  return Float64Array.from({ length: rows.rows }, (_, row) => {
    const values = decisions.row(row)
    // With two classes, the one column is positive for the second class.
    if (classes.length === 2) return wanted === 1 ? values[0] : -values[0]
    let [sum, column] = [0, 0]
    for (let first = 0; first < classes.length; first++) {
      for (let second = first + 1; second < classes.length; second++, column++) {
        if (first === wanted) sum += values[column]
        if (second === wanted) sum -= values[column]
      }
    }
    return sum / (classes.length - 1)
  })
}
