import type { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { noteUnreadable } from '../cnn/extractor/unreadable-images.ts'
import type { Progress } from '../core/call-options.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import type { FeatureSource, JoinedLayers } from '../store/feature-source.ts'
import type { FeatureStore } from '../store/feature-store.ts'
import type { ImagesCall } from './classifier-options.ts'

/** Features of the readable images, with the indices of those images. */
export interface Extracted {
  features: Matrix
  /** Indices of the readable images in the input, one per row of `features`. */
  read: number[]
  /** Feature store key of each row, if there is a store. */
  keys: string[] | undefined
}

/** Source of a classifier's features: an extractor and, optionally, the store that caches its output. */
export class ImageFeatures {
  readonly extractor: FeatureExtractor
  readonly store: FeatureStore | undefined
  readonly #owned: boolean
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
    const noted = noteUnreadable(o.onUnreadable)
    const call = {
      signal: o.signal,
      batchSize: o.batchSize,
      onProgress: (p: Progress) => o.onProgress?.({ stage: 'features', ...p }),
      onUnreadable: noted.onUnreadable,
    }
    const { store } = this
    const keys = store && (await store.keep(await this.#kept(), images, { ...call, labels }))
    const features = keys ? await this.ofKeys(keys) : await this.extractor.extract(images, call)
    return { features, keys, read: noted.readable(images) }
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

  dispose(): void {
    if (this.#owned) this.extractor.dispose()
  }
}
