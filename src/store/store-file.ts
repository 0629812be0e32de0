import { NdArray } from '../data/nd-array.ts'
import { readNpz, writeNpz } from '../data/npz.ts'
import type { DataSource, ReadOptions } from '../data/source.ts'
import { SoftmarginError, show } from '../errors.ts'
import { checkFinite, type Matrix } from '../matrix.ts'
import type { Label } from '../svm/labels.ts'
import type { Maker } from './fingerprint.ts'

/** The layout of the file. A reader refuses what is newer than it knows. */
const schemaVersion = 1

/** Features of images, with what they are of and who made them. */
export interface StoredFeatures {
  features: Matrix
  /** SHA-256 of each image. */
  keys: string[]
  names: string[]
  /** Empty text where none is known. */
  labels: Label[]
  maker: Maker
}

/** As a NumPy file: `X`, `names`, `labels`, `keys`, and `about`, JSON on who made them. */
export function storeToNpz({
  features,
  keys,
  names,
  labels,
  maker,
}: StoredFeatures): Uint8Array<ArrayBuffer> {
  const numbers = labels.every((label) => typeof label === 'number')
  return writeNpz({
    X: features,
    names,
    labels: numbers ? (labels as number[]) : labels.map(String),
    keys,
    about: [JSON.stringify({ schemaVersion, ...maker })],
  })
}

/**
 * The reverse, trusting nothing.
 *
 * @throws {SoftmarginError} `DATA_UNREADABLE`, `OUT_OF_MEMORY`, `ABORTED`, `FILE_UNREADABLE`
 */
export async function storeFromNpz(source: DataSource, o: ReadOptions = {}): Promise<StoredFeatures> {
  const arrays = await readNpz(source, o)
  const array = (name: string): NdArray => {
    if (arrays[name] instanceof NdArray) return arrays[name]
    throw unreadable(`it has no array ${show(name)}; it holds ${Object.keys(arrays).slice(0, 9).join(', ')}`)
  }
  const maker = readMaker(texts(array('about'), 'about')[0])
  const X = array('X')
  if (!(X.data instanceof Float32Array) || X.shape.length !== 2)
    throw unreadable('its X is no float32 matrix')
  const features = X.toMatrix()
  if (features.cols !== maker.featureSize) {
    throw unreadable(`X has ${features.cols} columns, but its maker makes ${maker.featureSize} features`)
  }
  if (features.rows > 0) {
    try {
      checkFinite(features)
    } catch (cause) {
      throw unreadable((cause as Error).message, cause)
    }
  }
  const keys = texts(array('keys'), 'keys')
  const names = texts(array('names'), 'names')
  const labels = toLabels(array('labels'))
  for (const [name, list] of Object.entries({ keys, names, labels })) {
    if (list.length !== features.rows) throw unreadable(`${name} has ${list.length} rows, X ${features.rows}`)
  }
  return { features, keys, names, labels, maker }
}

function readMaker(text: string | undefined): Maker {
  let about: Record<string, unknown>
  try {
    about = JSON.parse(text ?? '')
  } catch (cause) {
    throw unreadable('its about is no JSON', cause)
  }
  const {
    schemaVersion: version,
    fingerprint,
    layer,
    pooling,
    preprocess,
    featureSize,
    parts,
    mirror,
  } = about ?? {}
  if (typeof version === 'number' && version > schemaVersion) {
    throw unreadable(`it comes from a newer softmargin: its schemaVersion is ${version}`)
  }
  checkFacts({ fingerprint, layer, pooling, preprocess }, featureSize)
  if (mirror !== undefined && typeof mirror !== 'boolean') throw unreadable(`its mirror is ${show(mirror)}`)
  const own = { fingerprint, layer, pooling, preprocess, featureSize } as Maker
  const maker = mirror ? { ...own, mirror } : own
  return parts === undefined ? maker : { ...maker, parts: readParts(parts, maker.featureSize) }
}

function readParts(list: unknown, featureSize: number): Maker['parts'] {
  if (!Array.isArray(list)) throw unreadable(`its parts are ${show(list)}`)
  const parts = list.map((each) => {
    const part = (each ?? {}) as NonNullable<Maker['parts']>[0]
    const { fingerprint, layer, pooling } = part
    checkFacts({ fingerprint, layer, pooling }, part.featureSize)
    return { fingerprint, layer, pooling, featureSize: part.featureSize }
  })
  const sum = parts.reduce((all, part) => all + part.featureSize, 0)
  if (sum !== featureSize) throw unreadable(`its parts have ${sum} features, the whole ${featureSize}`)
  return parts
}

function checkFacts(texts: Record<string, unknown>, featureSize: unknown): void {
  for (const [name, value] of Object.entries(texts)) {
    if (typeof value !== 'string') throw unreadable(`its ${name} is ${show(value)}`)
  }
  if (!Number.isSafeInteger(featureSize) || (featureSize as number) < 1) {
    throw unreadable(`its featureSize is ${show(featureSize)}`)
  }
}

function texts(array: NdArray, name: string): string[] {
  const list = Array.from(array.data as ArrayLike<unknown>)
  if (array.shape.length === 1 && list.every((each) => typeof each === 'string')) return list as string[]
  throw unreadable(`its ${name} is no list of texts`)
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
