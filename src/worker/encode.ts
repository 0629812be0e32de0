// Encodes values that structured cloning cannot send or would send inefficiently.

import { Matrix } from '../core/matrix.ts'
import { NdArray } from '../data/nd-array.ts'
import { deserializeError, type SerializedError, serializeError } from '../host/serialize-error.ts'
import type { RemoteClassName } from './protocol.ts'

/** A placeholder for a value that is not sent as it is. */
export type Mark =
  | { $softmargin: 'matrix'; data: Float32Array; rows: number; cols: number }
  | { $softmargin: 'rows'; data: Float64Array; cols: number }
  | { $softmargin: 'ndarray'; data: unknown; shape: readonly number[] }
  | { $softmargin: 'url'; href: string }
  | { $softmargin: 'error'; error: SerializedError }
  | { $softmargin: 'object'; id: string; className: RemoteClassName }
  | { $softmargin: 'function'; id: number }
  | { $softmargin: 'signal'; id: number; aborted: boolean; reason?: unknown }

/** How values are encoded. */
export interface Encoding {
  /** Returns the placeholder for a value that only this side can represent; `undefined` for the default handling. */
  mark(value: object, key: string | undefined): Mark | undefined
  /** If set, buffers are to be transferred instead of copied, and are collected here. */
  moved?: Set<ArrayBuffer> | undefined
  /** Whether a view of part of a buffer is sent without the rest of the buffer. */
  trim: boolean
}

/** Encodes a value for a message. Parts that need no change are not copied. */
export function encode(value: unknown, how: Encoding, key?: string): unknown {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return value
  const mark = how.mark(value, key)
  if (mark) return mark
  if (ArrayBuffer.isView(value)) return encodeView(value, how)
  if (isArrayBuffer(value)) {
    how.moved?.add(value)
    return value
  }
  if (value instanceof Matrix) {
    const data = encode(value.data, how) as Float32Array
    return { $softmargin: 'matrix', data, rows: value.rows, cols: value.cols } satisfies Mark
  }
  if (value instanceof NdArray) {
    return { $softmargin: 'ndarray', data: encode(value.data, how), shape: value.shape } satisfies Mark
  }
  // Sent as plain data: an ImageData that the host clones can neither be transferred nor be copied in chunks.
  if (isImageData(value))
    return encodeFields({ data: value.data, width: value.width, height: value.height }, how)
  if (value instanceof URL) return { $softmargin: 'url', href: value.href } satisfies Mark
  if (value instanceof Error) return { $softmargin: 'error', error: serializeError(value) } satisfies Mark
  if (Array.isArray(value)) return encodeRows(value, how) ?? encodeArray(value, how)
  if (isPlain(value)) return encodeFields(value as Record<string, unknown>, how)
  // An instance of a splitter class; the other side needs only its method `split`.
  if ('split' in value && typeof value.split === 'function') {
    return { split: encode(value.split.bind(value), how, 'split') }
  }
  return value
}

/** Restores the value that was passed to `encode`; `unmark` resolves the placeholders of the other side. */
export function decode(value: unknown, unmark: (mark: Mark) => unknown): unknown {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (value[i] !== null && typeof value[i] === 'object') value[i] = decode(value[i], unmark)
    }
    return value
  }
  if (!isPlain(value)) return value
  if (!('$softmargin' in value)) {
    const fields = value as Record<string, unknown>
    return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, decode(field, unmark)]))
  }
  const mark = value as Mark
  if (mark.$softmargin === 'matrix') return new Matrix(mark.data, mark.rows, mark.cols)
  if (mark.$softmargin === 'rows') return decodeRows(mark.data, mark.cols)
  if (mark.$softmargin === 'ndarray') return new NdArray(mark.data as NdArray['data'], mark.shape)
  if (mark.$softmargin === 'url') return new URL(mark.href)
  if (mark.$softmargin === 'error') return deserializeError(mark.error)
  return unmark(mark)
}

function encodeView(view: ArrayBufferView, { moved, trim }: Encoding): ArrayBufferView {
  if (!isArrayBuffer(view.buffer)) return view
  if (view.byteLength === view.buffer.byteLength) {
    moved?.add(view.buffer)
    return view
  }
  if (!trim) return view
  // Structured cloning would copy the whole buffer.
  const part = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)
  moved?.add(part)
  if (view instanceof DataView) return new DataView(part)
  const length = (view as Uint8Array).length
  // Node's Buffer arrives as a Uint8Array anyway.
  if (view instanceof Uint8Array) return new Uint8Array(part)
  return new (view.constructor as Uint8ArrayConstructor)(part, 0, length)
}

/** Arrays with fewer numbers are cheap to clone. */
const MIN_TRANSFERRED_NUMBERS = 4096

/**
 * Packs rows of numbers into one buffer: cloning them number by number would block a page for tens of milliseconds.
 */
function encodeRows(array: unknown[], how: Encoding): Mark | undefined {
  const cols = Array.isArray(array[0]) ? array[0].length : 0
  if (array.length * cols < MIN_TRANSFERRED_NUMBERS) return undefined
  const data = new Float64Array(array.length * cols)
  let at = 0
  for (const row of array) {
    if (!Array.isArray(row) || row.length !== cols) return undefined
    for (let k = 0; k < cols; k++) {
      const value = row[k]
      if (typeof value !== 'number') return undefined
      data[at++] = value
    }
  }
  // The buffer was created here, so it can be transferred.
  how.moved?.add(data.buffer)
  return { $softmargin: 'rows', data, cols }
}

function decodeRows(data: Float64Array, cols: number): number[][] {
  return Array.from({ length: data.length / cols }, (_, i) =>
    Array.from(data.subarray(i * cols, (i + 1) * cols)),
  )
}

function encodeArray(array: unknown[], how: Encoding): unknown[] {
  let changed: unknown[] | undefined
  for (let i = 0; i < array.length; i++) {
    const element = array[i]
    if (element === null || (typeof element !== 'object' && typeof element !== 'function')) continue
    const encoded = encode(element, how)
    // Decoding may write into the array, so the caller's array is not used.
    changed ??= array.slice()
    changed[i] = encoded
  }
  return changed ?? array
}

function encodeFields(fields: Record<string, unknown>, how: Encoding): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, encode(field, how, key)]))
}

function isImageData(value: object): value is ImageData {
  return Object.prototype.toString.call(value) === '[object ImageData]'
}

/** Whether a value is a plain object, of this realm or of another one. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Whether a value is an ArrayBuffer, of this realm or of another one. */
export function isArrayBuffer(value: object): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === '[object ArrayBuffer]'
}
