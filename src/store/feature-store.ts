import type { FeatureExtractor } from '../cnn/extractor.ts'
import type { ExtractOptions } from '../cnn/run-images.ts'
import type { DataSource, ReadOptions } from '../data/source.ts'
import { SoftmarginError, shapeMismatch, throwIfAborted } from '../errors.ts'
import { JournaledFile } from '../host/journaled-file.ts'
import { type ImageInput, type OpenedImage, openImage } from '../image/input.ts'
import { checkFinite, type Matrix } from '../matrix.ts'
import type { Label } from '../svm/labels.ts'
import { keyOf, type Maker, makerOf } from './fingerprint.ts'
import { GrowingRows } from './growing-rows.ts'
import { type StoredFeatures, storeFromNpz, storeToNpz } from './store-file.ts'

/** What `FeatureStore.extract` takes. */
export interface StoreExtractOptions extends ExtractOptions {
  /** Kept with the features, one for each image. */
  labels?: ArrayLike<Label>
  /** Kept with the features. Default: paths and URLs as they are, names of files, else nothing. */
  names?: readonly string[]
}

/** An image that was opened, and what to know it by. */
interface Keyed {
  index: number
  key: string
  opened: OpenedImage
}

const defaultBatchSize = 64

/**
 * Features that are kept, so that no image goes through the network twice.
 *
 * Images are known by what is in them, not by their names. All features of a store come from one extractor: those
 * of another CNN, layer, pooling or preprocessing are refused.
 */
export class FeatureStore {
  readonly #file: JournaledFile | undefined
  readonly #rowOf = new Map<string, number>()
  readonly #names: string[] = []
  readonly #labels: Label[] = []
  #maker: Maker | undefined
  #rows: GrowingRows | undefined
  #changed = false

  private constructor(file?: JournaledFile) {
    this.#file = file
  }

  /** An empty store in memory; `toNpz` gives what to keep of it. */
  static inMemory(): FeatureStore {
    return new FeatureStore()
  }

  /**
   * The store in a file, which need not exist yet. Each batch that is extracted is on the disk before the next one
   * begins, in `<path>.journal`; `save` makes one file of both. One process at a time.
   *
   * @param path of an `.npz` file
   * @throws {SoftmarginError} `DATA_UNREADABLE`, `FILE_UNREADABLE`, `HOST_UNSUPPORTED` where there are no files
   */
  static async open(path: string): Promise<FeatureStore> {
    const file = new JournaledFile(path)
    const store = new FeatureStore(file)
    const { whole, records, torn } = await file.read()
    if (whole) store.#add(await storeFromNpz(whole))
    let damaged = torn
    for (const [i, record] of records.entries()) {
      try {
        store.#add(await storeFromNpz(record))
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

  /**
   * A store in memory, out of what `toNpz` gave.
   *
   * @throws {SoftmarginError} `DATA_UNREADABLE`, `FILE_UNREADABLE`, `ABORTED`
   */
  static async fromNpz(source: DataSource, o: ReadOptions = {}): Promise<FeatureStore> {
    const store = new FeatureStore()
    store.#add(await storeFromNpz(source, o))
    return store
  }

  /** How many images it has features of. */
  get size(): number {
    return this.#rowOf.size
  }

  /** The features, a row for each image. @throws {SoftmarginError} `EMPTY_INPUT` for an empty store */
  get features(): Matrix {
    return this.#stored().features
  }

  /** What each image was called; empty where nothing was known. */
  get names(): string[] {
    return [...this.#names]
  }

  /** The label of each image, `''` where none was known. */
  get labels(): Label[] {
    return [...this.#labels]
  }

  /** What made the features; `undefined` for an empty store. */
  get maker(): Maker | undefined {
    return this.#maker && { ...this.#maker }
  }

  /** Of the extractor that the features come from; `undefined` for an empty store. */
  get fingerprint(): string | undefined {
    return this.#maker?.fingerprint
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
    images: ImageInput[],
    o: StoreExtractOptions = {},
  ): Promise<Matrix> {
    const maker = await makerOf(extractor)
    this.#checkMaker(maker)
    for (const name of ['labels', 'names'] as const) {
      const length = o[name]?.length ?? images.length
      if (length !== images.length)
        throw shapeMismatch(name, length, `one for each of ${images.length} images`)
    }
    const batchSize = o.batchSize ?? defaultBatchSize
    const rows: number[] = []
    for (let from = 0; from < images.length; from += batchSize) {
      throwIfAborted(o.signal)
      const batch = await openAll(images, from, Math.min(from + batchSize, images.length), o)
      const fresh = new Map(batch.filter(({ key }) => !this.#rowOf.has(key)).map((each) => [each.key, each]))
      const failed = await this.#extractFresh(extractor, maker, [...fresh.values()], images, o)
      for (const { key, index, opened } of batch) {
        const row = this.#rowOf.get(key)
        if (row === undefined) {
          const error = failed.get(key)!(opened.name)
          if (!o.onUnreadable) throw error
          o.onUnreadable(index, error)
          continue
        }
        rows.push(row)
        this.#relabel(row, o.labels?.[index])
      }
      o.onProgress?.({ done: Math.min(from + batchSize, images.length), total: images.length })
    }
    if (rows.length > 0) return this.features.select(rows)
    if (images.length === 0) return extractor.extract(images)
    throw new SoftmarginError('IMAGE_UNREADABLE', `none of the ${images.length} images can be read`, {
      argument: 'images',
      expected: 'at least one readable image',
    })
  }

  /** The store as the bytes of an `.npz` file. @throws {SoftmarginError} `EMPTY_INPUT` for an empty store */
  toNpz(): Uint8Array<ArrayBuffer> {
    return storeToNpz(this.#stored())
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
    extractor: FeatureExtractor,
    maker: Maker,
    fresh: Keyed[],
    images: ImageInput[],
    { signal, labels, names }: StoreExtractOptions,
  ): Promise<Map<string, (name: string) => SoftmarginError>> {
    const failed = new Map<string, (name: string) => SoftmarginError>()
    if (fresh.length === 0) return failed
    const inputs = fresh.map(({ opened }) => (opened.kind === 'file' ? opened.bytes : opened.image))
    const onUnreadable = (i: number, error: SoftmarginError) =>
      failed.set(fresh[i].key, (name) => renamed(error, `images[${i}]`, name))
    let features: Matrix
    try {
      features = await extractor.extract(inputs, { signal, onUnreadable })
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
    this.#add(added)
    this.#changed = true
    return failed
  }

  #add({ features, keys, names, labels, maker }: StoredFeatures): void {
    this.#checkMaker(maker)
    this.#maker ??= maker
    this.#rows ??= new GrowingRows(maker.featureSize)
    const added: number[] = []
    for (const [i, key] of keys.entries()) {
      // After a crash between two writes a row may stand in the file and in the journal.
      if (this.#rowOf.has(key)) continue
      this.#rowOf.set(key, this.#rowOf.size)
      this.#names.push(names[i])
      this.#labels.push(labels[i])
      added.push(i)
    }
    this.#rows.add(added.length === features.rows ? features : features.select(added))
  }

  #relabel(row: number, label: Label | undefined): void {
    if (label === undefined || label === this.#labels[row]) return
    this.#labels[row] = label
    this.#changed = true
  }

  #stored(): StoredFeatures {
    if (!this.#maker || !this.#rows) {
      throw new SoftmarginError('EMPTY_INPUT', 'the feature store is empty: extract images first')
    }
    return {
      features: this.#rows.matrix(),
      keys: [...this.#rowOf.keys()],
      names: this.#names,
      labels: this.#labels,
      maker: this.#maker,
    }
  }

  #checkMaker(maker: Maker): void {
    const kept = this.#maker
    if (!kept || kept.fingerprint === maker.fingerprint) return
    const differing = (['layer', 'pooling', 'preprocess'] as const).find((part) => kept[part] !== maker[part])
    const why = differing
      ? `their ${differing} is ${kept[differing]}, the extractor's ${maker[differing]}`
      : 'they come from a network with other weights'
    throw new SoftmarginError(
      'FEATURES_MISMATCH',
      `the feature store holds features that this extractor does not make: ${why}`,
      { argument: 'extractor', received: maker.fingerprint, expected: `the fingerprint ${kept.fingerprint}` },
    )
  }
}

/** Reads and keys the images from one position up to another; those that cannot be read are left out. */
async function openAll(
  images: ImageInput[],
  from: number,
  to: number,
  { signal, onUnreadable }: StoreExtractOptions,
): Promise<Keyed[]> {
  const opening = Array.from({ length: to - from }, async (_, i): Promise<Keyed | SoftmarginError> => {
    const index = from + i
    try {
      const opened = await openImage(images[index], `images[${index}]`, { signal })
      return { index, opened, key: await keyOf(opened) }
    } catch (error) {
      if (!onUnreadable || !(error instanceof SoftmarginError) || error.code !== 'FILE_UNREADABLE')
        throw error
      return error
    }
  })
  const batch: Keyed[] = []
  for (const [i, one] of (await Promise.all(opening)).entries()) {
    if (one instanceof SoftmarginError) onUnreadable?.(from + i, one)
    else batch.push(one)
  }
  return batch
}

/** The same error about an image that the caller knows by another name. */
function renamed(error: SoftmarginError, from: string, to: string): SoftmarginError {
  const { code, received, expected, cause } = error
  const argument = error.argument?.replace(from, to)
  return new SoftmarginError(code, error.message.replace(from, to), { argument, received, expected, cause })
}

function nameOf(image: ImageInput): string {
  if (typeof image === 'string') return image.startsWith('data:') ? '' : image
  if (image instanceof URL) return image.protocol === 'data:' ? '' : image.href
  return 'name' in image && typeof image.name === 'string' ? image.name : ''
}
