import { SoftmarginError } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { Matrix } from '../core/matrix.ts'
import type { FeatureSignature } from './feature-signature.ts'
import { columnsOf } from './feature-source.ts'
import { GrowingRows } from './growing-rows.ts'
import type { StoredFeatures } from './store-file.ts'

/** Features in memory, one row per image, indexed by image key. All rows have the same signature. */
export class FeatureTable {
  readonly #rowOf = new Map<string, number>()
  readonly #names: string[] = []
  readonly #labels: Label[] = []
  #signature: FeatureSignature | undefined
  #rows: GrowingRows | undefined

  get size(): number {
    return this.#rowOf.size
  }

  get signature(): FeatureSignature | undefined {
    return this.#signature
  }

  get names(): readonly string[] {
    return this.#names
  }

  get labels(): readonly Label[] {
    return this.#labels
  }

  has(key: string): boolean {
    return this.#rowOf.has(key)
  }

  /**
   * Adds the rows whose images are not yet in the table. @throws {SoftmarginError} `FEATURES_MISMATCH`,
   * `OUT_OF_MEMORY`
   */
  add({ features, keys, names, labels, signature }: StoredFeatures): void {
    this.checkSignature(signature)
    this.#signature ??= signature
    this.#rows ??= new GrowingRows(signature.featureSize, signature.precision)
    // After a crash between two writes, a row may be both in the file and in the journal.
    const added = new Map<string, number>()
    for (const [i, key] of keys.entries()) if (!this.#rowOf.has(key) && !added.has(key)) added.set(key, i)
    const numbers = [...added.values()]
    // Allocate first: if memory runs out, nothing has changed.
    this.#rows.add(numbers.length === features.rows ? features : features.select(numbers))
    for (const [key, i] of added) {
      this.#rowOf.set(key, this.#rowOf.size)
      this.#names.push(names[i])
      this.#labels.push(labels[i])
    }
  }

  /** The label of an image; `undefined` for an image that is not in the table. */
  labelOf(key: string): Label | undefined {
    const row = this.#rowOf.get(key)
    return row === undefined ? undefined : this.#labels[row]
  }

  /** Changes the label of an image. Ignores an image that is not in the table because its record is damaged. */
  relabel(key: string, label: Label): void {
    const row = this.#rowOf.get(key)
    if (row !== undefined) this.#labels[row] = label
  }

  /** Returns the whole table; the numbers are shared if they are float32. @throws {SoftmarginError} `EMPTY_INPUT` */
  whole(): StoredFeatures {
    if (!this.#signature || !this.#rows) {
      throw new SoftmarginError('EMPTY_INPUT', 'the feature store is empty; extract images first')
    }
    return {
      features: this.#rows.matrix(),
      keys: [...this.#rowOf.keys()],
      names: this.#names,
      labels: this.#labels,
      signature: this.#signature,
    }
  }

  /**
   * Returns the features with one signature, one row per key.
   *
   * @param signature the table's signature, or one of its parts
   * @throws {SoftmarginError} `FEATURES_MISSING` with the number of missing images, `FEATURES_MISMATCH`
   */
  select(keys: readonly string[], signature: FeatureSignature): Matrix {
    const [from, to] = this.columns(signature)
    const missing = keys.filter((key) => !this.#rowOf.has(key)).length
    if (missing > 0 || !this.#rows) {
      const message = `the feature store lacks the features of ${missing} of ${keys.length} images`
      const expected = 'a store with the features of all these images'
      throw new SoftmarginError('FEATURES_MISSING', message, {
        argument: 'store',
        received: missing,
        expected,
      })
    }
    const data = new Float32Array(keys.length * (to - from))
    const row = new Float32Array(this.#rows.cols)
    for (const [i, key] of keys.entries()) {
      this.#rows.take(this.#rowOf.get(key)!, row)
      data.set(row.subarray(from, to), i * (to - from))
    }
    return new Matrix(data, keys.length, to - from)
  }

  /** The columns that hold the features of a signature. @throws {SoftmarginError} `FEATURES_MISMATCH` */
  columns(signature: FeatureSignature): [from: number, to: number] {
    const kept = this.#signature ?? signature
    const columns = columnsOf(signature, kept)
    if (columns) return columns
    throw mismatch(signature, kept)
  }

  /**
   * Checks that rows of this signature can be added. Rows must be whole, so one layer of several is not enough.
   * @throws {SoftmarginError} `FEATURES_MISMATCH`
   */
  checkSignature(signature: FeatureSignature): void {
    const kept = this.#signature
    if (kept && kept.fingerprint !== signature.fingerprint) throw mismatch(signature, kept)
  }
}

/** The error for features of another signature, with what differs. */
function mismatch(signature: FeatureSignature, kept: FeatureSignature): SoftmarginError {
  const differing = (['layer', 'pooling', 'preprocess'] as const).find(
    (part) => kept[part] !== signature[part],
  )
  const mirror = ({ mirror = false }: FeatureSignature) => `mirror: ${mirror}`
  const shift = ({ shift: by }: FeatureSignature) =>
    by ? `shifts of ${by.right} x ${by.down} pixels` : 'no shifts'
  const precision = ({ precision: kept }: FeatureSignature) => kept ?? 'float32'
  const runtime = ({ runtime: name = 'onnxruntime-web' }: FeatureSignature) => name
  const why = differing
    ? `their ${differing} is ${kept[differing]}, but the extractor's is ${signature[differing]}`
    : mirror(kept) !== mirror(signature)
      ? `they were computed with ${mirror(kept)}, but the extractor has ${mirror(signature)}`
      : shift(kept) !== shift(signature)
        ? `they were computed with ${shift(kept)}, but the extractor has ${shift(signature)}`
        : runtime(kept) !== runtime(signature)
          ? `they were computed by ${runtime(kept)}, but the extractor runs in ${runtime(signature)}, whose low-order bits differ`
          : precision(kept) !== precision(signature)
            ? `they are kept as ${precision(kept)}, but ${precision(signature)} is asked for`
            : 'they were computed by a network with other weights'
  return new SoftmarginError(
    'FEATURES_MISMATCH',
    `the feature store holds features that this extractor does not compute: ${why}`,
    {
      argument: 'extractor',
      received: signature.fingerprint,
      expected: `the fingerprint ${kept.fingerprint}`,
    },
  )
}
