import type { ExtractOptions, ExtractProgress } from '../cnn/batching/run-images.ts'
import type { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import type { LongCall } from '../core/call-options.ts'
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
import { knownStores } from './known-stores.ts'
import { givenLabelsToNpz, recordFromNpz, storeFromNpz, storeToNpz } from './store-file.ts'
import { WriteQueue } from './write-queue.ts'

/** Progress of `FeatureStore.extract`. */
export interface StoreProgress extends ExtractProgress {
  /** Number of images so far whose features were in the store before. */
  known: number
}

/** Options of `FeatureStore.extract`. */
export interface StoreExtractOptions<L extends Label = Label>
  extends Omit<ExtractOptions, 'onProgress'>,
    LongCall<StoreProgress> {
  /** Labels to keep with the features, one per image: strings or finite numbers. An empty string means no label. */
  labels?: ArrayLike<L> | undefined
  /**
   * Names to keep with the features, one per image. Default: paths and URLs as they are, the names of files,
   * otherwise an empty string.
   */
  names?: readonly string[] | undefined
}

/** Options of `FeatureStore.open`. */
export interface StoreOpenOptions {
  /**
   * Called with a message about each damaged part of the journal: how many whole records come before and after it, and
   * what happens to the images whose features were lost. Default `console.warn`.
   */
  onWarning?: ((message: string) => void) | undefined
}

const defaultBatchSize = 64

/** Releases the file of a store that was garbage-collected without `dispose`, so that others can open it. */
const abandoned = new FinalizationRegistry<Journal>((file) => file.close())

/**
 * Stores extracted features, so that no image has to run through the network twice.
 *
 * Images are identified by their content, not by their names. All features of a store come from equivalent
 * extractors: those of another CNN, layer, pooling or preprocessing are refused.
 *
 * @typeParam L the type of the labels
 */
export class FeatureStore<L extends Label = Label> {
  readonly #file: Journal | undefined
  readonly #table = new FeatureTable()
  /** Serializes writes: each begins after all earlier ones have ended. */
  readonly #turns = new WriteQueue()
  #changed = false
  #disposed = false

  private constructor(file?: Journal) {
    knownStores.add(this)
    this.#file = file
    if (file) abandoned.register(this, file, this)
  }

  /** Creates an empty store in memory; `toNpz` returns its content for saving. */
  static inMemory<L extends Label = Label>(): FeatureStore<L> {
    return new FeatureStore<L>()
  }

  /**
   * Opens the store in a file, which need not exist yet. Each extracted batch, and each label that is changed later,
   * is written to `<path>.journal` before the call continues; `save` merges both files into one.
   *
   * Only one store at a time, across all processes, can have a file open: `<path>.lock` names the process that holds
   * the lock. `save` and `dispose` release it, and so does the end of the process. A store that is used again after
   * `save` takes the lock again. Where nothing can be written, an existing store is opened read-only.
   *
   * A journal may be damaged. Its whole records are read; the others are reported with `onWarning`, their images are
   * extracted again when they are next requested, and the next `save` sets the journal aside as
   * `<path>.journal.damaged-<time>`.
   *
   * In browsers the store lives under that name in the origin private file system, or else in IndexedDB, and survives
   * reloads and crashes in the same way. One page or worker at a time can have it open.
   *
   * @typeParam L the type of the labels that the store is expected to hold; those of the file are not checked
   * @param path of an `.npz` file; in browsers any name
   * @throws {SoftmarginError} `FILE_LOCKED` if another store has it open, `DATA_UNREADABLE`, `FILE_UNREADABLE`,
   *   `FILE_UNWRITABLE` if there is no store and none can be created, `HOST_UNSUPPORTED` if the host has no storage
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
   * Deletes the store that `open` keeps under that path, if it exists.
   *
   * @throws {SoftmarginError} `FILE_LOCKED` if a store has it open, `FILE_UNWRITABLE`, `HOST_UNSUPPORTED`
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
   * Creates a store in memory from the output of `toNpz`.
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

  /** The number of images whose features are stored. */
  get size(): number {
    return this.#table.size
  }

  /** The features, images x features. @throws {SoftmarginError} `EMPTY_INPUT` for an empty store */
  get features(): Matrix {
    return this.#table.whole().features
  }

  /** The name of each image; an empty string where it is unknown. */
  get names(): string[] {
    return [...this.#table.names]
  }

  /** The label of each image; `''` where it is unknown. */
  get labels(): (L | '')[] {
    return [...this.#table.labels] as (L | '')[]
  }

  /** How the features were computed; `undefined` for an empty store. */
  get maker(): FeatureSignature | undefined {
    return this.#table.signature && { ...this.#table.signature }
  }

  /** The fingerprint of the extractor that computed the features; `undefined` for an empty store. */
  get fingerprint(): string | undefined {
    return this.#table.signature?.fingerprint
  }

  /**
   * Returns the features of images. Those already stored are reused; the others are extracted and stored.
   *
   * @returns images x features, in the order of `images` (see `onUnreadable` for images that are left out)
   * @throws {SoftmarginError} `FEATURES_MISMATCH`, with what differs, if the store holds features of another
   *   extractor; `SHAPE_MISMATCH`, `INVALID_ARGUMENT` for labels, `NOT_FINITE`, `FILE_UNWRITABLE`, `DISPOSED`,
   *   `FILE_LOCKED` and `FILE_CHANGED` if another store has opened or changed the file since this one was saved, and
   *   as `FeatureExtractor.extract`
   */
  async extract(
    extractor: FeatureExtractor,
    images: readonly ImageInput[],
    o: StoreExtractOptions<L> = {},
  ): Promise<Matrix> {
    if (images.length === 0) return extractor.extract(images)
    const source = oneLayer(extractor)
    const keys = await this.keep(source, images, o)
    return this.featuresOf(keys, await source.signature())
  }

  /**
   * Ensures that the features of all images are in the store.
   *
   * @returns the key of each image that could be read, in order
   * @throws {SoftmarginError} as `extract`
   * @internal
   */
  async keep(
    source: FeatureSource,
    images: readonly ImageInput[],
    o: StoreExtractOptions = {},
  ): Promise<string[]> {
    const signature = await source.signature()
    this.#table.columns(signature)
    for (const name of ['labels', 'names'] as const) {
      const length = o[name]?.length ?? images.length
      if (length !== images.length)
        throw shapeMismatch(name, length, `one for each of ${images.length} images`)
    }
    if (o.labels) checkStoreLabels(o.labels)
    const batchSize = o.batchSize ?? defaultBatchSize
    const keys: string[] = []
    let known = 0
    let threads = 1
    const onThreads = (working: number) => {
      threads = Math.max(threads, working)
    }
    for (let from = 0; from < images.length; from += batchSize) {
      throwIfAborted(o.signal)
      const batch = await openAll(images, from, Math.min(from + batchSize, images.length), o)
      known += batch.filter(({ key }) => this.#table.has(key)).length
      const fresh = new Map(batch.filter(({ key }) => !this.#table.has(key)).map((each) => [each.key, each]))
      const failed = await this.#extractFresh(source, signature, [...fresh.values()], images, o, onThreads)
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
      const done = Math.min(from + batchSize, images.length)
      o.onProgress?.({ done, total: images.length, threads, known })
    }
    if (keys.length > 0) return keys
    throw new SoftmarginError('IMAGE_UNREADABLE', `none of the ${images.length} images can be read`, {
      argument: 'images',
      expected: 'at least one readable image',
    })
  }

  /**
   * Returns the features with one signature for images that are in the store.
   *
   * @param keys as `keep` returns them
   * @param signature the store's signature, or one of its parts
   * @throws {SoftmarginError} `FEATURES_MISSING` with the number of missing images, `FEATURES_MISMATCH`
   * @internal
   */
  featuresOf(keys: readonly string[], signature: FeatureSignature): Matrix {
    return this.#table.select(keys, signature)
  }

  /** Returns the store as the bytes of an `.npz` file. @throws {SoftmarginError} `EMPTY_INPUT` for an empty store */
  toNpz(): Uint8Array<ArrayBuffer> {
    return storeToNpz(this.#table.whole())
  }

  /**
   * Merges the file and its journal into one file, and releases the lock, so that another store can open the file.
   * Features extracted while it runs are not lost: they are appended to the journal for the next `save`. A store in
   * memory does nothing.
   *
   * @throws {SoftmarginError} `FILE_UNWRITABLE`, in which case nothing is lost; `FILE_LOCKED` and `FILE_CHANGED` as
   *   `extract`, `DISPOSED`
   */
  async save(): Promise<void> {
    await this.#turns.take(async () => {
      this.#checkAlive()
      if (this.#changed && this.size > 0) await this.#file?.replace(this.toNpz())
      // Without images there is nothing to save, and a damaged journal is left as it is.
      if (this.size > 0) this.#changed = false
      await this.#file?.unlock()
    })
  }

  /**
   * Releases the file without saving; the journal holds everything that was extracted. What is in memory can still be
   * read. A running call ends with `DISPOSED` after its current batch. Calling it again has no effect.
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
      throw new SoftmarginError('DISPOSED', 'this FeatureStore was disposed of; open it again')
    }
  }

  /** Changes the labels of images that are already stored. */
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

  /**
   * Extracts and stores images that are missing.
   *
   * @returns for the key of each image that could not be read, a function that creates its error for an image's name
   */
  async #extractFresh(
    source: FeatureSource,
    signature: FeatureSignature,
    fresh: KeyedImage[],
    images: readonly ImageInput[],
    { signal, labels, names }: StoreExtractOptions,
    onThreads: (threads: number) => void,
  ): Promise<Map<string, (name: string) => SoftmarginError>> {
    const failed = new Map<string, (name: string) => SoftmarginError>()
    if (fresh.length === 0) return failed
    this.#table.checkSignature(signature)
    // Take the lock first, so that a store that cannot be written fails before the extraction, not after it.
    await this.#turns.take(async () => {
      this.#checkAlive()
      await this.#file?.lock()
    })
    const inputs = fresh.map(({ opened }) => (opened.kind === 'file' ? opened.bytes : opened.image))
    const onUnreadable = (i: number, error: SoftmarginError) =>
      failed.set(fresh[i].key, (name) => renamed(error, `images[${i}]`, name))
    let features: Matrix
    try {
      features = await source.extract(inputs, {
        signal,
        onUnreadable,
        onProgress: ({ threads }) => onThreads(threads),
      })
    } catch (error) {
      if (failed.size < fresh.length) throw error
      return failed
    }
    checkFinite(features, 'features')
    const read = fresh.filter(({ key }) => !failed.has(key))
    const added = {
      features,
      signature,
      keys: read.map(({ key }) => key),
      names: read.map(({ index }) => names?.[index] ?? nameOf(images[index])),
      labels: read.map(({ index }) => labels?.[index] ?? ''),
    }
    await this.#turns.take(async () => {
      this.#checkAlive()
      // Another call may meanwhile have stored features of another extractor.
      this.#table.checkSignature(signature)
      // Written to disk first, so that memory never holds more than the file.
      await this.#file?.append(storeToNpz(added))
      this.#table.add(added)
      this.#changed = true
    })
    return failed
  }
}

/**
 * Takes the lock of a file that is about to be opened.
 *
 * @returns the error if nothing can be written, not even a lock; an existing file can then still be read
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
