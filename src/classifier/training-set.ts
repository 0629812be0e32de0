import { base64Decode, base64Encode } from '../core/base64.ts'
import { SoftmarginError, show } from '../core/errors.ts'
import { joinRows } from '../core/join-matrices.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { Extracted } from './image-features.ts'

/** Length in bytes of a SHA-256 digest, which is the store's key of an image. */
const keyBytes = 32

/** Labelled images that a classifier was, or will be, fitted on. */
export interface TrainingSet<L extends Label = Label> {
  /** Unscaled features. Saved files do not contain them; they can be read from the feature store. */
  features: Matrix | undefined
  labels: L[]
  /** Feature store keys of the images, if there was a store. */
  keys: string[] | undefined
  /**
   * Rows of images that the CNN has not learnt from, if it has learnt from others. On those that it has learnt from,
   * everything looks easier to tell apart than it is.
   */
  unseen?: Int32Array | undefined
  /**
   * Unscaled features by the CNN that has not learnt from `unseen`, if the one of `features` has. What is learnt from
   * unseen rows is learnt from these.
   */
  compared?: Matrix | undefined
}

/** Pairs extracted features with the labels of the images that could be read. */
export function trainingSetFrom<L extends Label>(
  { features, keys, read }: Extracted,
  labels: ArrayLike<L>,
  unseen?: Int32Array,
  compared?: Matrix,
): TrainingSet<L> {
  return { features, keys, labels: read.map((i) => labels[i]), unseen, compared }
}

/** Concatenates training sets. */
export function joinTrainingSets<L extends Label>(
  parts: TrainingSet<L>[],
  features: Matrix[],
): TrainingSet<L> & { features: Matrix } {
  const keys = parts.every((part) => part.keys) ? parts.flatMap((part) => part.keys!) : undefined
  const labels = parts.flatMap((part) => part.labels)
  const compared = parts.every((part) => part.compared)
    ? joinRows(parts.map((part) => part.compared!))
    : undefined
  return { features: joinRows(features), keys, labels, unseen: joinUnseen(parts), compared }
}

function joinUnseen(parts: readonly TrainingSet[]): Int32Array | undefined {
  if (parts.every(({ unseen }) => unseen === undefined)) return undefined
  let first = 0
  const rows = parts.flatMap(({ labels, unseen }) => {
    const own = unseen ? [...unseen] : [...labels.keys()]
    const moved = own.map((row) => first + row)
    first += labels.length
    return moved
  })
  return Int32Array.from(rows)
}

/** The keys and labels of the training images as JSON for a file; `undefined` without a store. */
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
 * Inverse of `trainingSetToFile`. Validates its untrusted input.
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
    throw unreadable('its keys are not base64', cause)
  }
  if (!Array.isArray(labels) || bytes.length === 0 || bytes.length !== keyBytes * labels.length) {
    throw unreadable('it has different numbers of keys and labels')
  }
  const unknown = labels.find((code) => !Number.isInteger(code) || code < 0 || code >= classes.length)
  if (unknown !== undefined) throw unreadable(`its label ${show(unknown)} is not a class`)
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return {
    features: undefined,
    keys: labels.map((_, i) => hex.slice(2 * keyBytes * i, 2 * keyBytes * (i + 1))),
    labels: labels.map((code) => classes[code]),
  }
}

function unreadable(why: string, cause?: unknown): SoftmarginError {
  const message = `the saved classifier's list of training images cannot be read: ${why}`
  return new SoftmarginError('MODEL_UNREADABLE', message, { cause })
}
