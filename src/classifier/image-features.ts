import type { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import type { Pooling } from '../cnn/pool.ts'
import type { Progress } from '../core/call-options.ts'
import type { SoftmarginError } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import type { FeatureSource, JoinedLayers } from '../store/feature-source.ts'
import type { FeatureStore } from '../store/feature-store.ts'
import type { SVC } from '../svm/svc.ts'
import type { RankedLayer } from './choose-layer.ts'
import type { ClassifierFineTune, ClassifierFitOptions, ImagesCall, Scale } from './classifier-options.ts'

/** Features of the readable images, with the indices of those images. */
export interface Extracted {
  features: Matrix
  /** Indices of the readable images in the input, one per row of `features`. */
  read: number[]
  /** Feature store key of each row, if there is a store. */
  keys: string[] | undefined
}

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

/** Source of a classifier's features: an extractor and, optionally, the store that caches its output. */
export class ImageFeatures {
  readonly extractor: FeatureExtractor
  readonly store: FeatureStore | undefined
  readonly #owned: boolean
  /** The CNN before its refit on all images, once it was needed. */
  #compared: Promise<FeatureExtractor | undefined> | undefined
  /** The layers that the store holds, if more than the extractor's own layer. */
  readonly #joined: JoinedLayers | undefined

  /** @param o.owned whether `dispose` also disposes of the extractor */
  constructor(
    extractor: FeatureExtractor,
    o: { owned: boolean; store?: FeatureStore | undefined; joined?: JoinedLayers | undefined },
  ) {
    this.extractor = extractor
    this.store = o.store
    this.#owned = o.owned
    this.#joined = o.joined?.on(extractor)
  }

  /** @param labels labels to record in the store */
  async extract(images: readonly ImageInput[], o: ImagesCall, labels?: ArrayLike<Label>): Promise<Extracted> {
    const unreadable = new Set<number>()
    const call = {
      signal: o.signal,
      batchSize: o.batchSize,
      onProgress: (p: Progress) => o.onProgress?.({ stage: 'features', ...p }),
      onUnreadable:
        o.onUnreadable &&
        ((index: number, error: SoftmarginError) => {
          unreadable.add(index)
          o.onUnreadable?.(index, error)
        }),
    }
    const { store } = this
    const keys = store && (await store.keep(await this.#kept(), images, { ...call, labels }))
    const features = keys ? await this.ofKeys(keys) : await this.extractor.extract(images, call)
    return { features, keys, read: [...images.keys()].filter((i) => !unreadable.has(i)) }
  }

  /**
   * Features by the CNN that was compared with the frozen one, if this one has learnt from all images since: the held-out
   * images are then as new to that one as other images are to this one. `undefined` for any other CNN.
   *
   * @param read indices of the readable images
   */
  async extractCompared(
    images: readonly ImageInput[],
    read: readonly number[],
    o: ImagesCall,
  ): Promise<Matrix | undefined> {
    this.#compared ??= this.extractor.openCompared()
    const compared = await this.#compared
    return compared?.extract(
      read.map((i) => images[i]),
      {
        signal: o.signal,
        batchSize: o.batchSize,
        onProgress: (p) => o.onProgress?.({ stage: 'features', ...p }),
      },
    )
  }

  /**
   * Reads features from the store.
   *
   * @throws {SoftmarginError} `FEATURES_MISSING`, `FEATURES_MISMATCH`
   */
  async ofKeys(keys: readonly string[]): Promise<Matrix> {
    const { signatureOf } = await import('../store/feature-signature.ts')
    return this.store!.featuresOf(keys, await signatureOf(this.extractor))
  }

  /** What the store keeps. */
  async #kept(): Promise<FeatureSource> {
    return this.#joined ?? (await import('../store/feature-source.ts')).oneLayer(this.extractor)
  }

  /**
   * Selects the best layer for these images. Returns a feature source for it and the features already
   * extracted.
   */
  async withBestLayer(
    images: readonly ImageInput[],
    labels: ArrayLike<Label>,
    judge: LayerJudge,
    o: ImagesCall & Pick<ClassifierFitOptions, 'cv' | 'groups' | 'cautious'>,
  ): Promise<{ source: ImageFeatures; ranked: RankedLayer[]; extracted: Extracted }> {
    const { store } = this
    const { rankLayers } = await import('./choose-layer.ts')
    const { layers, features, read, keys, joined } = await rankLayers(images, labels, {
      ...judge,
      extractor: this.extractor,
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
    const extractor = await this.extractor.withLayer({ layer, pooling })
    const source = new ImageFeatures(extractor, { owned: true, store, joined })
    return { source, ranked: layers, extracted: { features: features[chosen], read, keys } }
  }

  /** A source of the features of this CNN after it was trained on some images. */
  async fineTuned(
    images: readonly ImageInput[],
    labels: ArrayLike<Label>,
    options: ClassifierFineTune,
    o: ImagesCall,
  ): Promise<ImageFeatures> {
    const extractor = await this.extractor.fineTune(images, labels, {
      ...options,
      signal: o.signal,
      onProgress: (p) => o.onProgress?.(p),
      // The features are extracted afterwards, and unreadable images are told then.
      onUnreadable: o.onUnreadable && (() => {}),
    })
    return new ImageFeatures(extractor, { owned: true })
  }

  dispose(): void {
    if (this.#owned) this.extractor.dispose()
    this.#compared?.then(
      (extractor) => extractor?.dispose(),
      () => {},
    )
  }
}
