import type { FeatureExtractor } from '../cnn/extractor.ts'
import type { ExtractOptions } from '../cnn/run-images.ts'
import type { DataSource, ReadOptions } from '../data/source.ts'
import { SoftmarginError, shapeMismatch, throwIfAborted } from '../errors.ts'
import { type GrowingFile, growingFile } from '../host/growing-file.ts'
import type { ImageInput } from '../image/input.ts'
import { checkFinite, type Matrix } from '../matrix.ts'
import type { Label } from '../svm/labels.ts'
import { FeatureTable } from './feature-table.ts'
import type { Maker } from './fingerprint.ts'
import { type KeyedImage, nameOf, openAll, renamed } from './keyed-images.ts'
import { type FeatureSource, oneLayer } from './source.ts'
import { storeFromNpz, storeToNpz } from './store-file.ts'

/** What `FeatureStore.extract` takes. */
export interface StoreExtractOptions<L extends Label = Label> extends ExtractOptions {
  /** Kept with the features, one for each image. */
  labels?: ArrayLike<L> | undefined
  /** Kept with the features. Default: paths and URLs as they are, names of files, else nothing. */
  names?: readonly string[] | undefined
}

const defaultBatchSize = 64

/**
 * Features that are kept, so that no image goes through the network twice.
 *
 * Images are known by what is in them, not by their names. All features of a store come from one extractor: those
 * of another CNN, layer, pooling or preprocessing are refused.
 *
 * @typeParam L the labels that it keeps
 */
export class FeatureStore<L extends Label = Label> {
  readonly #file: GrowingFile | undefined
  readonly #table = new FeatureTable()
  #changed = false

  private constructor(file?: GrowingFile) {
    this.#file = file
  }

  /** An empty store in memory; `toNpz` gives what to keep of it. */
  static inMemory<L extends Label = Label>(): FeatureStore<L> {
    return new FeatureStore<L>()
  }

  /**
   * The store in a file, which need not exist yet. Each batch that is extracted is on the disk before the next one
   * begins, in `<path>.journal`; `save` makes one file of both. One process at a time.
   *
   * In browsers it lives under that name in the origin's private file system, else in IndexedDB, and survives a
   * reload and a crash just so. One page or worker at a time.
   *
   * @typeParam L the labels that the store is known to have; those of the file are not checked
   * @param path of an `.npz` file; in browsers any name
   * @throws {SoftmarginError} `DATA_UNREADABLE`, `FILE_UNREADABLE`, `HOST_UNSUPPORTED` where nothing can be kept
   */
  static async open<L extends Label = Label>(path: string): Promise<FeatureStore<L>> {
    const file = await growingFile(path)
    const store = new FeatureStore<L>(file)
    const { whole, records, torn } = await file.read()
    if (whole) store.#table.add(await storeFromNpz(whole))
    let damaged = torn
    for (const [i, record] of records.entries()) {
      try {
        store.#table.add(await storeFromNpz(record))
      } catch (error) {
        // The last one may be what a crash left.
        if (i < records.length - 1) throw error
        damaged = true
      }
    }
    store.#changed = records.length > 0
    if (damaged) await store.#rewrite()
    return store
  }

  /** Removes what `open` keeps under that path, if it is there. @throws {SoftmarginError} `HOST_UNSUPPORTED` */
  static async remove(path: string): Promise<void> {
    await (await growingFile(path)).remove()
  }

  /**
   * A store in memory, out of what `toNpz` gave.
   *
   * @throws {SoftmarginError} `DATA_UNREADABLE`, `FILE_UNREADABLE`, `ABORTED`
   */
  static async fromNpz<L extends Label = Label>(
    source: DataSource,
    o: ReadOptions = {},
  ): Promise<FeatureStore<L>> {
    const store = new FeatureStore<L>()
    store.#table.add(await storeFromNpz(source, o))
    return store
  }

  /** How many images it has features of. */
  get size(): number {
    return this.#table.size
  }

  /** The features, a row for each image. @throws {SoftmarginError} `EMPTY_INPUT` for an empty store */
  get features(): Matrix {
    return this.#table.whole().features
  }

  /** What each image was called; empty where nothing was known. */
  get names(): string[] {
    return [...this.#table.names]
  }

  /** The label of each image, `''` where none was known. */
  get labels(): (L | '')[] {
    return [...this.#table.labels] as (L | '')[]
  }

  /** What made the features; `undefined` for an empty store. */
  get maker(): Maker | undefined {
    return this.#table.maker && { ...this.#table.maker }
  }

  /** Of the extractor that the features come from; `undefined` for an empty store. */
  get fingerprint(): string | undefined {
    return this.#table.maker?.fingerprint
  }

  /**
   * Features of images: those that are here already as they are, the others extracted and kept.
   *
   * @returns a row for each image, in their order (see `onUnreadable` for images that are left out)
   * @throws {SoftmarginError} `FEATURES_MISMATCH` if the store holds features of another extractor, and says what
   *   differs; `SHAPE_MISMATCH`, `NOT_FINITE`, `FILE_UNWRITABLE`, and as `FeatureExtractor.extract`
   */
  async extract(
    extractor: FeatureExtractor,
    images: readonly ImageInput[],
    o: StoreExtractOptions<L> = {},
  ): Promise<Matrix> {
    if (images.length === 0) return extractor.extract(images)
    const source = oneLayer(extractor)
    const keys = await this.keep(source, images, o)
    return this.featuresOf(keys, await source.maker())
  }

  /**
   * Sees to it that the store has the features of images.
   *
   * @returns the key of each image that could be read, in their order
   * @throws {SoftmarginError} as `extract`
   * @internal
   */
  async keep(
    source: FeatureSource,
    images: readonly ImageInput[],
    o: StoreExtractOptions = {},
  ): Promise<string[]> {
    const maker = await source.maker()
    this.#table.columns(maker)
    for (const name of ['labels', 'names'] as const) {
      const length = o[name]?.length ?? images.length
      if (length !== images.length)
        throw shapeMismatch(name, length, `one for each of ${images.length} images`)
    }
    const batchSize = o.batchSize ?? defaultBatchSize
    const keys: string[] = []
    for (let from = 0; from < images.length; from += batchSize) {
      throwIfAborted(o.signal)
      const batch = await openAll(images, from, Math.min(from + batchSize, images.length), o)
      const fresh = new Map(batch.filter(({ key }) => !this.#table.has(key)).map((each) => [each.key, each]))
      const failed = await this.#extractFresh(source, maker, [...fresh.values()], images, o)
      for (const { key, index, opened } of batch) {
        if (!this.#table.has(key)) {
          const error = failed.get(key)!(opened.name)
          if (!o.onUnreadable) throw error
          o.onUnreadable(index, error)
          continue
        }
        keys.push(key)
        const label = o.labels?.[index]
        if (label !== undefined && this.#table.relabel(key, label)) this.#changed = true
      }
      o.onProgress?.({ done: Math.min(from + batchSize, images.length), total: images.length })
    }
    if (keys.length > 0) return keys
    throw new SoftmarginError('IMAGE_UNREADABLE', `none of the ${images.length} images can be read`, {
      argument: 'images',
      expected: 'at least one readable image',
    })
  }

  /**
   * The features that a maker made of images that the store knows.
   *
   * @param keys as `keep` answers them
   * @param maker the store's, or one of its parts
   * @throws {SoftmarginError} `FEATURES_MISSING` with how many it does not have, `FEATURES_MISMATCH`
   * @internal
   */
  featuresOf(keys: readonly string[], maker: Maker): Matrix {
    return this.#table.select(keys, maker)
  }

  /** The store as the bytes of an `.npz` file. @throws {SoftmarginError} `EMPTY_INPUT` for an empty store */
  toNpz(): Uint8Array<ArrayBuffer> {
    return storeToNpz(this.#table.whole())
  }

  /** Makes one whole file of what was added since it was opened. In memory it does nothing. */
  async save(): Promise<void> {
    if (this.#changed) await this.#rewrite()
  }

  async #rewrite(): Promise<void> {
    if (this.size > 0) await this.#file?.replace(this.toNpz())
    else await this.#file?.forget()
    this.#changed = false
  }

  /** @returns for the key of each image that cannot be read, what makes its error for the name of an image */
  async #extractFresh(
    source: FeatureSource,
    maker: Maker,
    fresh: KeyedImage[],
    images: readonly ImageInput[],
    { signal, labels, names }: StoreExtractOptions,
  ): Promise<Map<string, (name: string) => SoftmarginError>> {
    const failed = new Map<string, (name: string) => SoftmarginError>()
    if (fresh.length === 0) return failed
    this.#table.checkMaker(maker)
    const inputs = fresh.map(({ opened }) => (opened.kind === 'file' ? opened.bytes : opened.image))
    const onUnreadable = (i: number, error: SoftmarginError) =>
      failed.set(fresh[i].key, (name) => renamed(error, `images[${i}]`, name))
    let features: Matrix
    try {
      features = await source.extract(inputs, { signal, onUnreadable })
    } catch (error) {
      if (failed.size < fresh.length) throw error
      return failed
    }
    checkFinite(features, 'features')
    const read = fresh.filter(({ key }) => !failed.has(key))
    const added = {
      features,
      maker,
      keys: read.map(({ key }) => key),
      names: read.map(({ index }) => names?.[index] ?? nameOf(images[index])),
      labels: read.map(({ index }) => labels?.[index] ?? ''),
    }
    // On the disk first: what memory holds is never more.
    await this.#file?.append(storeToNpz(added))
    this.#table.add(added)
    this.#changed = true
    return failed
  }
}
