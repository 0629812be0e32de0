// Writes messages in protobuf's binary format: the fields of the schema in order of their numbers, then the unknown
// fields. The bytes are the same as those that protobuf's own libraries write.

import { type UnknownField, wireTypeOf } from './read-message.ts'
import { type Field, type Scalar, type Schema, schemaIn } from './schema.ts'
import { WireType } from './wire-type.ts'

type Values = Record<string, unknown>

/** Byte fields of at least this length are not copied until the end. */
const MIN_DEFERRED_BYTES = 4096

/** Encodes a message. */
export function toBinary<T>(schema: Schema<T>, message: T): Uint8Array<ArrayBuffer> {
  const writer = new Writer()
  writeMessage(writer, schema, message as Values)
  return writer.finish()
}

function writeMessage(writer: Writer, schema: Schema<unknown>, message: Values): void {
  for (const field of schema.fields) {
    const { name, isList, oneof } = field
    if (oneof) {
      const one = message[oneof] as { case?: string; value?: unknown } | undefined
      if (one?.case === name) writeValue(writer, field, one.value)
    } else if (isList) writeList(writer, field, message[name] as unknown[] | undefined)
    else if (Object.hasOwn(message, name) && message[name] !== undefined)
      writeValue(writer, field, message[name])
  }
  for (const { no, wireType, data } of (message.$unknown as UnknownField[] | undefined) ?? []) {
    writer.tag(no, wireType)
    writer.bytes(data)
  }
}

function writeList(writer: Writer, field: Field, list: unknown[] = []): void {
  if (!field.isPacked) {
    for (const value of list) writeValue(writer, field, value)
  } else if (list.length > 0) {
    const inner = new Writer()
    for (const value of list) writeScalar(inner, field.scalar!, value)
    writer.tag(field.number, WireType.lengthDelimited)
    writer.append(inner)
  }
}

function writeValue(writer: Writer, field: Field, value: unknown): void {
  if (field.scalar) {
    writer.tag(field.number, wireTypeOf(field.scalar))
    writeScalar(writer, field.scalar, value)
    return
  }
  const inner = new Writer()
  writeMessage(inner, schemaIn(field), value as Values)
  writer.tag(field.number, WireType.lengthDelimited)
  writer.append(inner)
}

const encoder = new TextEncoder()

function writeScalar(writer: Writer, scalar: Scalar, value: unknown): void {
  switch (scalar) {
    case 'string':
    case 'bytes': {
      const bytes = scalar === 'string' ? encoder.encode(value as string) : (value as Uint8Array)
      writer.varint(bytes.length)
      writer.bytes(bytes)
      break
    }
    case 'float':
      writer.float(value as number)
      break
    case 'double':
      writer.double(value as number)
      break
    default:
      writer.varint(value as number | bigint)
  }
}

/** A buffer that grows by doubling; large byte fields are kept aside and inserted at the end. */
class Writer {
  length = 0
  readonly #done: Uint8Array[] = []
  #bytes = new Uint8Array(64)
  #used = 0

  finish(): Uint8Array<ArrayBuffer> {
    this.#flush()
    const all = new Uint8Array(this.length)
    let at = 0
    for (const part of this.#done) {
      all.set(part, at)
      at += part.length
    }
    return all
  }

  /** Appends the output of another writer, prefixed with its length. */
  append(inner: Writer): void {
    this.varint(inner.length)
    inner.#flush()
    for (const part of inner.#done) this.bytes(part)
  }

  tag(no: number, wireType: number): void {
    this.varint(no * 8 + wireType)
  }

  /** Writes a varint; negative numbers take 64 bits. */
  varint(value: number | bigint): void {
    if (typeof value === 'bigint' || value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value))
      for (; rest > 127n; rest >>= 7n) this.#byte(Number(rest & 127n) | 128)
      this.#byte(Number(rest))
      return
    }
    for (; value > 127; value = Math.floor(value / 128)) this.#byte((value % 128) | 128)
    this.#byte(value)
  }

  float(value: number): void {
    const at = this.#room(4)
    new DataView(this.#bytes.buffer).setFloat32(at, value, true)
  }

  double(value: number): void {
    const at = this.#room(8)
    new DataView(this.#bytes.buffer).setFloat64(at, value, true)
  }

  bytes(bytes: Uint8Array): void {
    if (bytes.length >= MIN_DEFERRED_BYTES) {
      this.#flush()
      this.#done.push(bytes)
      this.length += bytes.length
    } else {
      const at = this.#room(bytes.length)
      this.#bytes.set(bytes, at)
    }
  }

  #byte(value: number): void {
    const at = this.#room(1)
    this.#bytes[at] = value
  }

  #room(size: number): number {
    const at = this.#used
    if (at + size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, at + size))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
    }
    this.#used += size
    this.length += size
    return at
  }

  #flush(): void {
    if (this.#used > 0) this.#done.push(this.#bytes.subarray(0, this.#used))
    this.#bytes = new Uint8Array(64)
    this.#used = 0
  }
}
