import type { ExtractOptions } from '../cnn/batching/run-images.ts'
import type { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { SoftmarginError, shapeMismatch, throwIfAborted } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { checkFinite, type Matrix } from '../core/matrix.ts'
import type { DataSource, ReadOptions } from '../data/data-source.ts'
import type { Journal } from '../host/journal/journal.ts'
import { openJournal } from '../host/journal/open-journal.ts'
import type { ImageInput } from '../image/image-input.ts'
import { checkStoreLabels } from './check-labels.ts'
import { warnOfDamage } from './damage.ts'
import type { FeatureSignature } from './feature-signature.ts'
import { type FeatureSource, oneLayer } from './feature-source.ts'
import { FeatureTable } from './feature-table.ts'
import { type KeyedImage, nameOf, openAll, renamed } from './keyed-images.ts'
import { givenLabelsToNpz, recordFromNpz, storeFromNpz, storeToNpz } from './store-file.ts'
import { WriteQueue } from './write-queue.ts'

/** What `FeatureStore.extract` takes. */
export interface StoreExtractOptions<L extends Label = Label> extends ExtractOptions {
  /** Kept with the features, one for each image: text or finite numbers. Empty text stands for none. */
  labels?: ArrayLike<L> | undefined
  /** Kept with the features. Default: paths and URLs as they are, names of files, else nothing. */
  names?: readonly string[] | undefined
}

/** What `FeatureStore.open` takes. */
export interface StoreOpenOptions {
  /** Told of records that are damaged: how many come before them, and what becomes of them. Default `console.warn`. */
  onWarning?: ((message: string) => void) | undefined
}

const defaultBatchSize = 64

/** A store that nobody holds any more keeps nobody else from its file. */
const abandoned = new FinalizationRegistry<Journal>((file) => file.close())

/**
 * Features that are kept, so that no image goes through the network twice.
 *
 * Images are known by what is in them, not by their names. All features of a store come from one extractor: those
 * of another CNN, layer, pooling or preprocessing are refused.
 *
 * @typeParam L the labels that it keeps
 */
export class FeatureStore<L extends Label = Label> {
  readonly #file: Journal | undefined
  readonly #table = new FeatureTable()
  /** What writes has its turn when all that was asked for before is written. */
  readonly #turns = new WriteQueue()
  #changed = false
  #disposed = false

  private constructor(file?: Journal) {
    this.#file = file
    if (file) abandoned.register(this, file, this)
  }

  /** An empty store in memory; `toNpz` gives what to keep of it. */
  static inMemory<L extends Label = Label>(): FeatureStore<L> {
    return new FeatureStore<L>()
  }

  /**
   * The store in a file, which need not exist yet. Each batch that is extracted, and each label that an image is given
   * later, is on the disk before the next one, in `<path>.journal`; `save` makes one file of both.
   *
   * One store at a time has a file open, in all processes: `<path>.lock` says which process that is. `save` and
   * `dispose` give it back, and so does the end of the process. A store that goes on after `save` takes it again. Where
   * nothing can be written, a store that is there is opened to be read.
   *
   * A journal may be damaged. What is whole in it is read; the rest is told of, its images are extracted again when they
   * are next asked for, and at the next `save` the journal is set aside as `<path>.journal.damaged-<time>`.
   *
   * In browsers it lives under that name in the origin's private file system, else in IndexedDB, and survives a
   * reload and a crash just so. One page or worker at a time has it open.
   *
   * @typeParam L the labels that the store is known to have; those of the file are not checked
   * @param path of an `.npz` file; in browsers any name
   * @throws {SoftmarginError} `FILE_LOCKED` where another store has it open, `DATA_UNREADABLE`, `FILE_UNREADABLE`,
   *   `FILE_UNWRITABLE` where there is no store and none can be made, `HOST_UNSUPPORTED` where nothing can be kept
   */
  static async open<L extends Label = Label>(
    path: string,
    o: StoreOpenOptions = {},
  ): Promise<FeatureStore<L>> {
    const file = await openJournal(path)
    const store = new FeatureStore<L>(file)
    try {
      const unwritable = await lockToOpen(file)
      const { whole, records, damage } = await file.read()
      if (unwritable && !whole && records.length === 0) throw unwritable
      if (whole) store.#table.add(await storeFromNpz(whole))
      for (const record of records) {
        const added = await recordFromNpz(record)
        if ('features' in added) store.#table.add(added)
        else for (const [i, key] of added.keys.entries()) store.#table.relabel(key, added.labels[i])
      }
      store.#changed = records.length > 0 || damage.length > 0
      for (const each of damage) warnOfDamage(path, each, records.length, o.onWarning)
      return store
    } catch (error) {
      store.dispose()
      throw error
    }
  }

  /**
   * Removes what `open` keeps under that path, if it is there.
   *
   * @throws {SoftmarginError} `FILE_LOCKED` where a store has it open, `FILE_UNWRITABLE`, `HOST_UNSUPPORTED`
   */
  static async remove(path: string): Promise<void> {
    const file = await openJournal(path)
    try {
      await file.remove()
    } finally {
      file.close()
    }
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
  get maker(): FeatureSignature | undefined {
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
   *   differs; `SHAPE_MISMATCH`, `INVALID_ARGUMENT` for labels, `NOT_FINITE`, `FILE_UNWRITABLE`, `DISPOSED`,
   *   `FILE_LOCKED` and `FILE_CHANGED` if another store has opened or changed the file since this one was saved, and as
   *   `FeatureExtractor.extract`
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
    if (o.labels) checkStoreLabels(o.labels)
    const batchSize = o.batchSize ?? defaultBatchSize
    const keys: string[] = []
    for (let from = 0; from < images.length; from += batchSize) {
      throwIfAborted(o.signal)
      const batch = await openAll(images, from, Math.min(from + batchSize, images.length), o)
      const fresh = new Map(batch.filter(({ key }) => !this.#table.has(key)).map((each) => [each.key, each]))
      const failed = await this.#extractFresh(source, maker, [...fresh.values()], images, o)
      const given = new Map<string, Label>()
      for (const { key, index, opened } of batch) {
        if (!this.#table.has(key)) {
          const error = failed.get(key)!(opened.name)
          if (!o.onUnreadable) throw error
          o.onUnreadable(index, error)
          continue
        }
        keys.push(key)
        const label = o.labels?.[index]
        if (label !== undefined) given.set(key, label)
      }
      await this.#relabel(given)
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
  featuresOf(keys: readonly string[], maker: FeatureSignature): Matrix {
    return this.#table.select(keys, maker)
  }

  /** The store as the bytes of an `.npz` file. @throws {SoftmarginError} `EMPTY_INPUT` for an empty store */
  toNpz(): Uint8Array<ArrayBuffer> {
    return storeToNpz(this.#table.whole())
  }

  /**
   * Makes one whole file of what was added since it was opened, and gives the file back: another store can open it then.
   * What is extracted meanwhile is not lost: it comes into the journal, for the next `save`. In memory it does nothing.
   *
   * @throws {SoftmarginError} `FILE_UNWRITABLE`, and then nothing is lost; `FILE_LOCKED` and `FILE_CHANGED` as `extract`,
   *   `DISPOSED`
   */
  async save(): Promise<void> {
    await this.#turns.take(async () => {
      this.#checkAlive()
      if (this.#changed && this.size > 0) await this.#file?.replace(this.toNpz())
      // Without images there is nothing to keep, and damage stays what it is.
      if (this.size > 0) this.#changed = false
      await this.#file?.unlock()
    })
  }

  /**
   * Gives the file back, without saving: the journal has all that was extracted. What is in memory can still be read. A
   * call that runs ends with `DISPOSED`, after the batch at hand. A second call does nothing.
   */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    abandoned.unregister(this)
    this.#turns.last(() => this.#file?.close())
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #checkAlive(): void {
    if (this.#disposed) {
      throw new SoftmarginError('DISPOSED', 'this FeatureStore was disposed of: open it again')
    }
  }

  /** Gives images that are here other labels. */
  async #relabel(given: Map<string, Label>): Promise<void> {
    const isNew = ([key, label]: [string, Label]) => this.#table.labelOf(key) !== label
    if (![...given].some(isNew)) return
    await this.#turns.take(async () => {
      this.#checkAlive()
      const changes = [...given].filter(isNew)
      if (changes.length === 0) return
      const labels = { keys: changes.map(([key]) => key), labels: changes.map(([, label]) => label) }
      await this.#file?.append(givenLabelsToNpz(labels))
      for (const [key, label] of changes) this.#table.relabel(key, label)
      this.#changed = true
    })
  }

  /** @returns for the key of each image that cannot be read, what makes its error for the name of an image */
  async #extractFresh(
    source: FeatureSource,
    maker: FeatureSignature,
    fresh: KeyedImage[],
    images: readonly ImageInput[],
    { signal, labels, names }: StoreExtractOptions,
  ): Promise<Map<string, (name: string) => SoftmarginError>> {
    const failed = new Map<string, (name: string) => SoftmarginError>()
    if (fresh.length === 0) return failed
    this.#table.checkMaker(maker)
    // Who cannot write shall hear of it before the work, not after it.
    await this.#turns.take(async () => {
      this.#checkAlive()
      await this.#file?.lock()
    })
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
    await this.#turns.take(async () => {
      this.#checkAlive()
      // Another call may have made it a store of another extractor meanwhile.
      this.#table.checkMaker(maker)
      // On the disk first: what memory holds is never more.
      await this.#file?.append(storeToNpz(added))
      this.#table.add(added)
      this.#changed = true
    })
    return failed
  }
}

/**
 * Takes the lock of a file that is to be opened.
 *
 * @returns the error where nothing can be written, not even a lock: then it can be read, if it is there
 * @throws {SoftmarginError} `FILE_LOCKED`
 */
async function lockToOpen(file: Journal): Promise<SoftmarginError | undefined> {
  try {
    await file.lock()
    return undefined
  } catch (error) {
    if (error instanceof SoftmarginError && error.code === 'FILE_UNWRITABLE') return error
    throw error
  }
}
