import { base64Decode, base64Encode } from '@bufbuild/protobuf/wire'
import { SoftmarginError, show } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { joinRows, type Matrix } from '../core/matrix.ts'
import type { Extracted } from './image-features.ts'

/** Bytes of a SHA-256 digest: a store's key of an image. */
const keyBytes = 32

/** Labelled images that a classifier learnt from, or is to. */
export interface TrainingSet<L extends Label = Label> {
  /** Unscaled. A file does not hold them: they wait in a feature store. */
  features: Matrix | undefined
  labels: L[]
  /** What a feature store knows the images by, where there was one. */
  keys: string[] | undefined
}

/** What was extracted, with the labels of those that could be read. */
export function trainingSetFrom<L extends Label>(
  { features, keys, read }: Extracted,
  labels: ArrayLike<L>,
): TrainingSet<L> {
  return { features, keys, labels: read.map((i) => labels[i]) }
}

/** All that was learnt from, one after the other. */
export function joinTrainingSets<L extends Label>(
  parts: TrainingSet<L>[],
  features: Matrix[],
): TrainingSet<L> & { features: Matrix } {
  const keys = parts.every((part) => part.keys) ? parts.flatMap((part) => part.keys!) : undefined
  return { features: joinRows(features), keys, labels: parts.flatMap(({ labels }) => labels) }
}

/** Which images were learnt from, as JSON for a file; nothing where no store knows them. */
export function trainingSetToFile({ keys, labels }: TrainingSet, classes: Label[]): object | undefined {
  if (!keys) return undefined
  const bytes = Uint8Array.from(
    keys.flatMap((key) =>
      Array.from({ length: keyBytes }, (_, i) => Number.parseInt(key.slice(2 * i, 2 * i + 2), 16)),
    ),
  )
  const codes = new Map(classes.map((label, code) => [label, code]))
  return { keys: base64Encode(bytes), labels: labels.map((label) => codes.get(label)) }
}

/**
 * The reverse, trusting nothing.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE`
 */
export function trainingSetFromFile<L extends Label>(
  stored: unknown,
  classes: L[],
): TrainingSet<L> | undefined {
  if (stored === undefined) return undefined
  const { keys, labels } = (stored ?? {}) as Record<string, unknown>
  let bytes: Uint8Array
  try {
    bytes = base64Decode(String(keys))
  } catch (cause) {
    throw unreadable('its keys are no base64', cause)
  }
  if (!Array.isArray(labels) || bytes.length === 0 || bytes.length !== keyBytes * labels.length) {
    throw unreadable('its keys and its labels differ in number')
  }
  const unknown = labels.find((code) => !Number.isInteger(code) || code < 0 || code >= classes.length)
  if (unknown !== undefined) throw unreadable(`one of its labels is ${show(unknown)}`)
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return {
    features: undefined,
    keys: labels.map((_, i) => hex.slice(2 * keyBytes * i, 2 * keyBytes * (i + 1))),
    labels: labels.map((code) => classes[code]),
  }
}

function unreadable(why: string, cause?: unknown): SoftmarginError {
  const message = `the saved classifier's list of the images that it learnt from cannot be read: ${why}`
  return new SoftmarginError('MODEL_UNREADABLE', message, { cause })
}
