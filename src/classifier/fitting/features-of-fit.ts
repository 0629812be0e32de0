// Where the features of a fit come from, if the fit chooses the layer or trains the CNN.

import type { Pooling } from '../../cnn/pool.ts'
import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import type { SVC } from '../../svm/svc.ts'
import type { RankedLayer } from '../choose-layer.ts'
import type { ClassifierFineTune, ClassifierFitOptions, ImagesCall, Scale } from '../classifier-options.ts'
import { type Extracted, ImageFeatures } from '../image-features.ts'

/** The SVM and scaling used to compare layers, and the poolings to choose from. */
export interface LayerJudge {
  poolings: readonly Pooling[] | undefined
  svm: SVC
  scale: Scale
}

/**
 * By how many standard errors of the difference a layer must be better than the default one: see bench/defaults.js.
 */
const STANDARD_ERRORS = 2

/** The best layer, if it is clearly better than the default one, and the default one otherwise; an index. */
function clearlyBetterLayer(layers: readonly RankedLayer[]): number {
  const [{ gain = Number.POSITIVE_INFINITY, gainError = 0 }] = layers
  // A gain and an error of 0 are those of the default layer itself, which may have been tried with several poolings.
  const reference = layers.findIndex((each) => each.gain === 0 && each.gainError === 0)
  return gain > STANDARD_ERRORS * gainError || reference < 0 ? 0 : reference
}

/**
 * Selects the best layer for these images. Returns a feature source for it and the features already
 * extracted.
 */
export async function withBestLayer(
  from: ImageFeatures,
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  judge: LayerJudge,
  o: ImagesCall & Pick<ClassifierFitOptions, 'cv' | 'groups' | 'cautious'>,
): Promise<{ source: ImageFeatures; ranked: RankedLayer[]; extracted: Extracted }> {
  const { store } = from
  const { rankLayers } = await import('../choose-layer.ts')
  const { layers, features, read, keys, joined } = await rankLayers(images, labels, {
    ...judge,
    extractor: from.extractor,
    store,
    cv: o.cv,
    groups: o.groups,
    batchSize: o.batchSize,
    signal: o.signal,
    onUnreadable: o.onUnreadable,
    onProgress: (p) => o.onProgress?.({ ...p, stage: p.stage === 'svm' ? 'layers' : p.stage }),
  })
  const chosen = o.cautious === false ? 0 : clearlyBetterLayer(layers)
  const { layer, pooling } = layers[chosen]
  const extractor = await from.extractor.withLayer({ layer, pooling })
  const source = new ImageFeatures(extractor, { owned: true, store, joined })
  return { source, ranked: layers, extracted: { features: features[chosen], read, keys } }
}

/** A source of the features of this CNN after it was trained on some images. */
export async function fineTuned(
  from: ImageFeatures,
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  options: ClassifierFineTune,
  o: ImagesCall & Pick<ClassifierFitOptions, 'groups'>,
): Promise<ImageFeatures> {
  const extractor = await from.extractor.fineTune(images, labels, {
    ...options,
    groups: o.groups,
    signal: o.signal,
    onProgress: (p) => o.onProgress?.(p),
    // The features are extracted afterwards, and unreadable images are told then.
    onUnreadable: o.onUnreadable && (() => {}),
  })
  return new ImageFeatures(extractor, { owned: true })
}

/**
 * Features by the CNN that was compared with the frozen one, if that of the source has learnt from all images since: the
 * held-out images are as new to the compared one as other images are to that of the source. `undefined` for any other CNN.
 *
 * @param read indices of the readable images
 */
export async function comparedFeatures(
  { extractor }: ImageFeatures,
  images: readonly ImageInput[],
  read: readonly number[],
  { signal, batchSize, onProgress }: ImagesCall,
): Promise<Matrix | undefined> {
  const compared = await extractor.openCompared()
  try {
    return await compared?.extract(
      read.map((i) => images[i]),
      { signal, batchSize, onProgress: (p) => onProgress?.({ stage: 'features', ...p }) },
    )
  } finally {
    compared?.dispose()
  }
}
