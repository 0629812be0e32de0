// The `.npz` format of feature stores and of the records in their journals.

import { SoftmarginError, show } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { checkFinite, type Matrix } from '../core/matrix.ts'
import { bytesOf } from '../core/precision/float16.ts'
import type { DataSource, ReadOptions } from '../data/data-source.ts'
import { NdArray, type NdArrayLike } from '../data/nd-array.ts'
import { npyFile, writeNpy } from '../data/npy.ts'
import { npyHalves } from '../data/npy-types.ts'
import { checkNpzBytes, npzOf, readNpz, writeNpz } from '../data/npz.ts'
import type { Views } from '../onnx/edit/averaged-views.ts'
import type { FeatureSignature } from './feature-signature.ts'

/** The version of the file's layout and of the fingerprint algorithm. Other versions are refused. */
const schemaVersion = 2

/** Features of images, with the images' keys, names and labels, and the features' signature. */
export interface StoredFeatures {
  features: Matrix
  /** SHA-256 of each image. */
  keys: string[]
  names: string[]
  /** An empty string where the label is unknown. */
  labels: Label[]
  signature: FeatureSignature
}

/** Labels of a store that were changed after their features had been stored. */
export interface GivenLabels {
  /** SHA-256 of each image. */
  keys: string[]
  labels: Label[]
}

/**
 * Encodes features as a `.npz` file: `X`, as float16 if the signature says so, `names`, `labels`, `keys`, and `about`, their
 * signature as JSON.
 */
export function storeToNpz({
  features,
  keys,
  names,
  labels,
  signature,
}: StoredFeatures): Uint8Array<ArrayBuffer> {
  const { rows, cols, data } = features
  checkNpzBytes(rows * cols * bytesOf[signature.precision ?? 'float32'])
  const X = signature.precision === 'float16' ? npyFile(npyHalves(data), [rows, cols]) : writeNpy(features)
  const about = [JSON.stringify({ schemaVersion, ...signature })]
  const others = Object.entries({ names, ...labelsToArrays(labels), keys, about })
  return npzOf({ X, ...Object.fromEntries(others.map(([name, list]) => [name, writeNpy(list)])) })
}

/** Encodes changed labels as a `.npz` file: `labels`, `keys`, and `about`. */
export function givenLabelsToNpz({ keys, labels }: GivenLabels): Uint8Array<ArrayBuffer> {
  return writeNpz({ ...labelsToArrays(labels), keys, about: [JSON.stringify({ schemaVersion })] })
}

/**
 * If all labels are numbers, they become an array of numbers. Otherwise all become strings, and `numericLabels` marks
 * those that were numbers.
 */
function labelsToArrays(labels: Label[]): Record<string, NdArrayLike> {
  const numeric = labels.map((label) => typeof label === 'number')
  if (numeric.every(Boolean)) return { labels: labels as number[] }
  const texts = { labels: labels.map(String) }
  return numeric.includes(true) ? { ...texts, numericLabels: numeric } : texts
}

/**
 * Decodes a record of a journal: features, or changed labels of images whose features were stored earlier.
 *
 * @throws {SoftmarginError} as `storeFromNpz`
 */
export async function recordFromNpz(source: DataSource): Promise<StoredFeatures | GivenLabels> {
  const arrays = await readNpz(source)
  return 'X' in arrays ? featuresFrom(arrays) : labelsFrom(arrays)
}

/**
 * Decodes and validates a store's `.npz` file.
 *
 * @throws {SoftmarginError} `DATA_UNREADABLE`, `OUT_OF_MEMORY`, `ABORTED`, `FILE_UNREADABLE`
 */
export async function storeFromNpz(source: DataSource, o: ReadOptions = {}): Promise<StoredFeatures> {
  return featuresFrom(await readNpz(source, o))
}

type Arrays = Record<string, NdArray>

function featuresFrom(arrays: Arrays): StoredFeatures {
  const signature = readSignature(readAbout(arrays))
  const X = arrayOf(arrays, 'X')
  if (!(X.data instanceof Float32Array) || X.shape.length !== 2)
    throw unreadable('its X is not a float32 matrix')
  const features = X.toMatrix()
  if (features.cols !== signature.featureSize) {
    throw unreadable(`X has ${features.cols} columns, but its featureSize is ${signature.featureSize}`)
  }
  if (features.rows > 0) {
    try {
      checkFinite(features)
    } catch (cause) {
      throw unreadable((cause as Error).message, cause)
    }
  }
  const names = texts(arrays, 'names')
  const { keys, labels } = labelsFrom(arrays)
  for (const [name, list] of Object.entries({ keys, names })) {
    if (list.length !== features.rows)
      throw unreadable(`${name} has ${list.length} rows, but X has ${features.rows}`)
  }
  return { features, keys, names, labels, signature: signature }
}

function labelsFrom(arrays: Arrays): GivenLabels {
  readAbout(arrays)
  const keys = texts(arrays, 'keys')
  const labels = toLabels(arrayOf(arrays, 'labels'))
  if (labels.length !== keys.length)
    throw unreadable(`labels has ${labels.length} rows, but keys has ${keys.length}`)
  if (arrays.numericLabels === undefined) return { keys, labels }
  const { data } = arrays.numericLabels
  if (data.length !== labels.length || typeof data[0] !== 'boolean') {
    throw unreadable('its numericLabels are not one boolean for each label')
  }
  const numbers = labels.map((label, i) => {
    if (!data[i]) return label
    const number = Number(label)
    if (label !== '' && Number.isFinite(number)) return number
    throw unreadable(`label ${i} is ${show(label)}, but numericLabels says that it is a number`)
  })
  return { keys, labels: numbers }
}

/** Parses the JSON in the array `about`. */
function readAbout(arrays: Arrays): Record<string, unknown> {
  let about: Record<string, unknown>
  try {
    about = JSON.parse(texts(arrays, 'about')[0] ?? '')
  } catch (cause) {
    if (cause instanceof SoftmarginError) throw cause
    throw unreadable('its array about is not JSON', cause)
  }
  const version = about?.schemaVersion
  if (!Number.isSafeInteger(version)) throw unreadable(`its schemaVersion is ${show(version)}`)
  if ((version as number) > schemaVersion) {
    throw unreadable(`it was written by a newer softmargin: its schemaVersion is ${version}`)
  }
  if ((version as number) < schemaVersion) {
    throw unreadable(
      `it was written by an earlier softmargin (its schemaVersion is ${version}), which identified the network in a way that cannot ` +
        'be compared any more; extract its images again into a new store (readNpz reads its arrays)',
    )
  }
  return about
}

function arrayOf(arrays: Arrays, name: string): NdArray {
  if (arrays[name] instanceof NdArray) return arrays[name]
  throw unreadable(`it has no array ${show(name)}, only ${Object.keys(arrays).slice(0, 9).join(', ')}`)
}

function readSignature(about: Record<string, unknown>): FeatureSignature {
  const { fingerprint, layer, pooling, preprocess, featureSize, parts, mirror, shift, runtime, precision } =
    about
  checkMetadata({ fingerprint, layer, pooling, preprocess }, featureSize)
  if (mirror !== undefined && typeof mirror !== 'boolean') throw unreadable(`its mirror is ${show(mirror)}`)
  if (shift !== undefined && !isShift(shift)) throw unreadable(`its shift is ${show(shift)}`)
  if (runtime !== undefined && typeof runtime !== 'string')
    throw unreadable(`its runtime is ${show(runtime)}`)
  if (precision !== undefined && precision !== 'float16')
    throw unreadable(`its precision is ${show(precision)}`)
  const fields = { fingerprint, layer, pooling, preprocess, featureSize } as FeatureSignature
  const signature = {
    ...fields,
    ...(mirror ? { mirror } : {}),
    ...(shift ? { shift } : {}),
    ...(runtime ? { runtime } : {}),
    ...(precision ? ({ precision } as const) : {}),
  }
  return parts === undefined ? signature : { ...signature, parts: readParts(parts, signature.featureSize) }
}

function isShift(value: unknown): value is Views['shift'] {
  const { down, right } = (value ?? {}) as { down?: unknown; right?: unknown }
  return [down, right].every((pixels) => Number.isSafeInteger(pixels) && (pixels as number) >= 0)
}

function readParts(list: unknown, featureSize: number): FeatureSignature['parts'] {
  if (!Array.isArray(list)) throw unreadable(`its parts are ${show(list)}`)
  const parts = list.map((each) => {
    const part = (each ?? {}) as NonNullable<FeatureSignature['parts']>[0]
    const { fingerprint, layer, pooling } = part
    checkMetadata({ fingerprint, layer, pooling }, part.featureSize)
    return { fingerprint, layer, pooling, featureSize: part.featureSize }
  })
  const sum = parts.reduce((all, part) => all + part.featureSize, 0)
  if (sum !== featureSize)
    throw unreadable(`its parts have ${sum} features, but its featureSize is ${featureSize}`)
  return parts
}

function checkMetadata(texts: Record<string, unknown>, featureSize: unknown): void {
  for (const [name, value] of Object.entries(texts)) {
    if (typeof value !== 'string') throw unreadable(`its ${name} is ${show(value)}`)
  }
  if (!Number.isSafeInteger(featureSize) || (featureSize as number) < 1) {
    throw unreadable(`its featureSize is ${show(featureSize)}`)
  }
}

function texts(arrays: Arrays, name: string): string[] {
  const array = arrayOf(arrays, name)
  const list = Array.from(array.data as ArrayLike<unknown>)
  if (array.shape.length === 1 && list.every((each) => typeof each === 'string')) return list as string[]
  throw unreadable(`its ${name} is not a list of strings`)
}

function toLabels(array: NdArray): Label[] {
  try {
    return array.toLabels()
  } catch (cause) {
    throw unreadable((cause as Error).message, cause)
  }
}

function unreadable(why: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('DATA_UNREADABLE', `the feature store cannot be read: ${why}`, {
    argument: 'source',
    expected: 'a feature store: an .npz file with X, names, labels, keys and about',
    cause,
  })
}
