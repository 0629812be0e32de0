// Conversion between NumPy's element types and typed arrays.

import { fromHalves, toHalves } from '../core/precision/float16.ts'
import type { NdData } from './nd-array.ts'

type Numbers = Exclude<NdData, boolean[] | string[]>

/** NumPy's numeric types that a typed array holds directly, by kind and size as in the header of a file. */
const numbers: Record<string, { new (buffer: ArrayBuffer): Numbers }> = {
  f4: Float32Array,
  f8: Float64Array,
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
}

/** The element type of a file. */
export interface NpyType {
  /** Bytes per element. */
  size: number
  /** Decodes elements. `bytes` must be a whole buffer, which the result may keep and change. */
  decode(bytes: Uint8Array<ArrayBuffer>): NdData
}

/**
 * Returns the element type for a NumPy type string: `<f4`, `>i8`, `|b1`, `<U12`, `|S5`, ...
 *
 * @returns `undefined` for unsupported types: complex numbers, dates, objects, records
 */
export function npyType(descr: string): NpyType | undefined {
  const match = /^([<>|=])([fiubUS])(\d{1,9})$/.exec(descr)
  if (!match) return undefined
  const [, order, kind, digits] = match
  const size = Number(digits)
  const swapped = order === '>'
  const name = kind + size
  if (name === 'b1') return { size: 1, decode: (bytes) => Array.from(bytes, (byte) => byte !== 0) }
  if (name === 'f2') return { size: 2, decode: (bytes) => halves(native(bytes, 2, swapped)) }
  if (Object.hasOwn(numbers, name)) {
    return { size, decode: (bytes) => new numbers[name](native(bytes, size, swapped).buffer) }
  }
  if (size === 0) return undefined
  // Byte strings, decoded as Latin-1.
  if (kind === 'S') return { size, decode: (bytes) => texts(bytes, size) }
  if (kind !== 'U') return undefined
  // UTF-32, four bytes per character.
  return {
    size: size * 4,
    decode: (bytes) => texts(new Uint32Array(native(bytes, 4, swapped).buffer), size),
  }
}

/** Elements as a file holds them. */
export interface NpyElements {
  /** NumPy's type string. */
  descr: string
  bytes: Uint8Array<ArrayBuffer>
}

/** Rounds numbers to float16, as `toHalves`. */
export function npyHalves(data: Float32Array): NpyElements {
  const patterns = new Uint16Array(data.length)
  toHalves(data, patterns)
  return { descr: '<f2', bytes: new Uint8Array(patterns.buffer) }
}

/** Returns NumPy's type string for these elements, and the elements as bytes of the file. */
export function npyEncode(data: NdData): NpyElements {
  if (Array.isArray(data)) {
    if (typeof data[0] === 'boolean')
      return { descr: '|b1', bytes: Uint8Array.from(data as boolean[], Number) }
    return encodeTexts(data as string[])
  }
  const name = Object.keys(numbers).find((each) => data instanceof numbers[each])!
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
  return { descr: (data.BYTES_PER_ELEMENT === 1 ? '|' : '<') + name, bytes }
}

/** Swaps the bytes of each element in place if needed: typed arrays are little-endian. */
function native(bytes: Uint8Array<ArrayBuffer>, size: number, swapped: boolean): Uint8Array<ArrayBuffer> {
  if (swapped) for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse()
  return bytes
}

/** Converts float16 to float32; the conversion is exact. */
function halves(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const patterns = new Uint16Array(bytes.buffer)
  const numbers = new Float32Array(patterns.length)
  fromHalves(patterns, numbers)
  return numbers
}

/** Decodes strings of a fixed length in characters, padded with zeros. */
function texts(units: Uint8Array | Uint32Array, length: number): string[] {
  return Array.from({ length: units.length / length }, (_, i) => {
    let end = (i + 1) * length
    while (end > i * length && units[end - 1] === 0) end--
    let text = ''
    for (let at = i * length; at < end; at++) {
      // Invalid code points become U+FFFD, as invalid UTF-8 does.
      text += String.fromCodePoint(units[at] < 0x110000 ? units[at] : 0xfffd)
    }
    return text
  })
}

function encodeTexts(list: string[]): NpyElements {
  const points = list.map((text) => Array.from(text, (character) => character.codePointAt(0)!))
  const longest = points.reduce((most, { length }) => Math.max(most, length), 1)
  const units = new Uint32Array(list.length * longest)
  for (const [i, text] of points.entries()) units.set(text, i * longest)
  return { descr: `<U${longest}`, bytes: new Uint8Array(units.buffer) }
}
