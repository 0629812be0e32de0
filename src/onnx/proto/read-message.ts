// Reads messages from protobuf's binary format: https://protobuf.dev/programming-guides/encoding/

import { emptyMessage } from './message.ts'
import { type Field, type Scalar, type Schema, schemaIn } from './schema.ts'
import { WireType } from './wire-type.ts'

type Values = Record<string, unknown>

/** A field that is not in the schema, kept so that the message can be written again without loss. */
export interface UnknownField {
  no: number
  wireType: number
  /** The bytes after the tag. */
  data: Uint8Array
}

/** Maximum nesting of messages: ONNX's own limit, and far less than the stack allows. */
const MAX_DEPTH = 100

/** Text decoders remove a byte order mark by default, but in a message it is part of the text. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Reads a message. Its bytes fields are views of `bytes`.
 *
 * @throws {RangeError} if the bytes are not a message, or are damaged
 */
export function fromBinary<T>(schema: Schema<T>, bytes: Uint8Array): T {
  const message = emptyMessage(schema)
  new Reader(bytes).message(schema, message, bytes.length, 1)
  return message as T
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  message(schema: Schema<unknown>, message: Values, end: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new RangeError('messages are nested too deeply')
    const unknown: UnknownField[] = []
    while (this.#at < end) {
      const tag = this.#small()
      const [no, wireType] = [tag >>> 3, tag & 7]
      const field = schema.fields.find(({ number }) => number === no)
      const before = this.#at
      if (!field || !this.#field(field, message, wireType, end, depth)) {
        this.#at = before
        this.#skip(wireType, no, end, depth)
        unknown.push({ no, wireType, data: this.#bytes.subarray(before, this.#at) })
      }
      if (this.#at > end) throw new RangeError('a field goes on behind the end of its message')
    }
    if (unknown.length > 0) message.$unknown = [...((message.$unknown as UnknownField[]) ?? []), ...unknown]
  }

  /** Reads the value of a field. Returns `false` if its wire type does not match the field. */
  #field(field: Field, message: Values, wireType: number, end: number, depth: number): boolean {
    const { name, scalar, isList, oneof } = field
    if (!scalar) {
      if (wireType !== WireType.lengthDelimited) return false
      const schema = schemaIn(field)
      const last = this.#end(end)
      const one = oneof ? (message[oneof] as { case?: string; value?: unknown }) : undefined
      const known = isList ? undefined : one ? (one.case === name ? one.value : undefined) : message[name]
      const inner = (known ?? emptyMessage(schema)) as Values
      this.message(schema, inner, last, depth + 1)
      if (isList) (message[name] as unknown[]).push(inner)
      else if (oneof) message[oneof] = { case: name, value: inner }
      else message[name] = inner
      return true
    }
    const wanted = wireTypeOf(scalar)
    if (isList && wireType === WireType.lengthDelimited && wanted !== wireType) {
      const last = this.#end(end)
      const list = message[name] as unknown[]
      while (this.#at < last) list.push(this.#scalar(scalar, last))
      return true
    }
    if (wireType !== wanted) return false
    const value = this.#scalar(scalar, end)
    if (scalar === 'enum' && !(0 <= (value as number) && (value as number) < field.limit)) return false
    if (isList) (message[name] as unknown[]).push(value)
    else if (oneof) message[oneof] = { case: name, value }
    else message[name] = value
    return true
  }

  #scalar(scalar: Scalar, end: number): unknown {
    switch (scalar) {
      case 'string':
        return this.#string(end)
      case 'bytes': {
        const last = this.#end(end)
        const bytes = this.#bytes.subarray(this.#at, last)
        this.#at = last
        return bytes
      }
      case 'float':
        return this.#view.getFloat32(this.#fixed(4, end), true)
      case 'double':
        return this.#view.getFloat64(this.#fixed(8, end), true)
      case 'int64':
        return BigInt.asIntN(64, this.#varint())
      case 'uint64':
        return this.#varint()
      default:
        return Number(BigInt.asIntN(32, this.#varint()))
    }
  }

  #string(end: number): string {
    const last = this.#end(end)
    let text = ''
    let at = this.#at
    // Names are short and ASCII, and this is faster than any decoder.
    if (last - at <= 64) {
      while (at < last && this.#bytes[at] < 128) text += String.fromCharCode(this.#bytes[at++])
    }
    if (at < last) text = decoder.decode(this.#bytes.subarray(this.#at, last))
    this.#at = last
    return text
  }

  /** Reads a length and returns the offset at which the data of that length ends. */
  #end(limit: number): number {
    const length = this.#small()
    const end = this.#at + length
    if (end > limit) throw new RangeError('a field goes on behind the end of its message')
    return end
  }

  /** Skips a number of fixed size and returns its offset. */
  #fixed(size: number, end: number): number {
    const at = this.#at
    this.#at += size
    if (this.#at > end) throw new RangeError('a number is cut off')
    return at
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw new RangeError('the bytes end within a number')
    return this.#bytes[this.#at++]
  }

  /** Reads a varint of 32 bits. */
  #small(): number {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte()
      if (shift < 32) value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
    throw new RangeError('a number has no end')
  }

  /** Reads a varint of 64 bits. */
  #varint(): bigint {
    let [low, high, bits] = [0, 0n, 0]
    while (bits < 28) {
      const byte = this.#byte()
      low |= (byte & 127) << bits
      if (byte < 128) return BigInt(low)
      bits += 7
    }
    for (; bits < 70; bits += 7) {
      const byte = this.#byte()
      high |= BigInt(byte & 127) << BigInt(bits)
      if (byte < 128) return BigInt.asUintN(64, high | BigInt(low))
    }
    throw new RangeError('a number has no end')
  }

  #skip(wireType: number, no: number, end: number, depth: number): void {
    if (no === 0) throw new RangeError('a field has the number 0')
    switch (wireType) {
      case WireType.varint:
        this.#varint()
        break
      case WireType.fixed64:
        this.#fixed(8, end)
        break
      case WireType.fixed32:
        this.#fixed(4, end)
        break
      case WireType.lengthDelimited:
        this.#at = this.#end(end)
        break
      case WireType.startGroup:
        this.#skipGroup(no, end, depth + 1)
        break
      default:
        throw new RangeError(`a field has the type ${wireType}`)
    }
  }

  #skipGroup(no: number, end: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new RangeError('groups are nested too deeply')
    for (;;) {
      const tag = this.#small()
      if ((tag & 7) === WireType.endGroup) {
        if (tag >>> 3 !== no) throw new RangeError('a group ends that did not begin')
        return
      }
      this.#skip(tag & 7, tag >>> 3, end, depth)
    }
  }
}

/** The wire type of a single value of this type. */
export function wireTypeOf(scalar: Scalar): number {
  switch (scalar) {
    case 'string':
    case 'bytes':
      return WireType.lengthDelimited
    case 'float':
      return WireType.fixed32
    case 'double':
      return WireType.fixed64
    default:
      return WireType.varint
  }
}
