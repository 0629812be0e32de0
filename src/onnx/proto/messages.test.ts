import { readFileSync } from 'node:fs'
import * as buf from '@bufbuild/protobuf'
import * as onnx from 'onnx-buf'
import { describe, expect, it } from 'vitest'
import { resnet18 } from '../../../scripts/resnet18.js'
import { SeededRandom } from '../../../test/support/random.ts'
import { clone, create } from './message.ts'
import * as ours from './onnx.ts'
import { fromBinary } from './read-message.ts'
import type { Schema } from './schema.ts'
import { toBinary } from './write-message.ts'

// The reference: onnx-buf is generated from onnx.proto, and @bufbuild/protobuf is an independent protobuf library.

const nested = (message: buf.DescMessage): buf.DescMessage[] => [
  message,
  ...message.nestedMessages.flatMap(nested),
]
const messages = onnx.file_onnx.messages.flatMap(nested)
const schemas = ours as unknown as Record<string, Schema<unknown>>
const schemaNamed = (typeName: string) => schemas[`${typeName.slice(5).replaceAll('.', '_')}Schema`]
const tiny = readFileSync(new URL('../../../models/tiny/tiny.onnx', import.meta.url))

describe('the descriptors of the ONNX messages match onnx.proto', () => {
  it.each(messages.map((message) => [message.typeName, message] as const))('%s', (typeName, message) => {
    const schema = schemaNamed(typeName)
    const wanted = message.fields.map((field) => {
      const kind = field.fieldKind === 'list' ? field.listKind : field.fieldKind
      return {
        name: field.localName,
        number: field.number,
        scalar:
          kind === 'scalar'
            ? buf.ScalarType[field.scalar!].toLowerCase()
            : kind === 'enum'
              ? kind
              : undefined,
        message: field.message?.typeName.slice(5),
        isList: field.fieldKind === 'list',
        isPacked: field.fieldKind === 'list' && field.packed,
        oneof: field.oneof?.localName,
        limit: field.enum ? Math.max(...field.enum.values.map(({ number }) => number)) + 1 : 0,
      }
    })
    expect(schema.fields).toEqual(wanted.sort((a, b) => a.number - b.number))
  })

  it.each(['TensorProto_DataType', 'TensorProto_DataLocation', 'AttributeProto_AttributeType'] as const)(
    'the enum %s',
    (name) => expect({ ...ours }[name]).toEqual({ ...onnx }[name]),
  )
})

/** A message of the reference library with some of its fields set. */
function filled(message: buf.DescMessage, random: SeededRandom, depth = 0): buf.Message {
  const init: Record<string, unknown> = {}
  const scalar = (field: buf.DescField): unknown => {
    const kind = field.fieldKind === 'list' ? field.listKind : field.fieldKind
    if (kind === 'message') return filled(field.message!, random, depth + 1)
    if (kind === 'enum') return field.enum!.values[random.below(field.enum!.values.length)].number
    switch (field.scalar) {
      case buf.ScalarType.STRING:
        return ['', 'x', 'a longer name of a tensor: '.repeat(1 + random.below(4)), '\uFEFFüñ→𝄞'][
          random.below(4)
        ]
      case buf.ScalarType.BYTES:
        return Uint8Array.from({ length: random.below(3) * random.below(3000) }, () => random.below(256))
      case buf.ScalarType.FLOAT:
        return Math.fround([0, -1.5, 1e30, Number.NaN, Infinity][random.below(5)])
      case buf.ScalarType.DOUBLE:
        return [0, Math.PI, -1e300][random.below(3)]
      case buf.ScalarType.INT32:
        return [0, 1, -1, 127, 128, 2 ** 31 - 1, -(2 ** 31)][random.below(7)]
      case buf.ScalarType.UINT64:
        return [0n, 1n, 2n ** 64n - 1n, 2n ** 35n][random.below(4)]
      default:
        return [0n, 1n, -1n, 300n, 2n ** 28n, 2n ** 63n - 1n, -(2n ** 63n)][random.below(7)]
    }
  }
  for (const field of message.fields) {
    if (random.below(3) === 0 || (depth > 3 && field.message)) continue
    if (field.oneof) init[field.oneof.localName] = { case: field.localName, value: scalar(field) }
    else if (field.fieldKind === 'list') {
      init[field.localName] = Array.from({ length: random.below(depth > 1 ? 2 : 4) }, () => scalar(field))
    } else init[field.localName] = scalar(field)
  }
  return buf.create(message, init as never)
}

describe('a message', () => {
  it.each(messages.map((message) => [message.typeName, message] as const))(
    '%s is read and written as by protobuf-es',
    (typeName, message) => {
      const schema = schemaNamed(typeName)
      for (let seed = 0; seed < 30; seed++) {
        const wanted = filled(message, new SeededRandom(seed))
        const bytes = buf.toBinary(message, wanted)
        const read = fromBinary(schema, bytes)
        expect(Buffer.compare(toBinary(schema, read), bytes)).toBe(0)
        expect(Buffer.compare(toBinary(schema, clone(schema, read)), bytes)).toBe(0)
        // Made of the same plain values, and of the other library's message itself.
        expect(Buffer.compare(toBinary(schema, wanted), bytes)).toBe(0)
        expect(Buffer.compare(toBinary(schema, create(schema, { ...wanted } as never)), bytes)).toBe(0)
      }
    },
  )

  it('of a whole model survives reading and writing bit for bit', () => {
    for (const bytes of [tiny, resnet18({ widths: [4, 4, 4, 4] })]) {
      const model = fromBinary(ours.ModelProtoSchema, bytes)
      expect(Buffer.compare(toBinary(ours.ModelProtoSchema, model), bytes)).toBe(0)
    }
  })

  it('has defaults for unset fields, which are not its own properties', () => {
    const node = create(ours.NodeProtoSchema, { opType: 'Relu' })
    expect([node.opType, node.domain, node.input, node.attribute]).toEqual(['Relu', '', [], []])
    expect(Object.keys(node)).not.toContain('domain')
    expect(create(ours.TypeProtoSchema).value).toEqual({ case: undefined })
    expect(create(ours.ModelProtoSchema).graph).toBeUndefined()
    expect(create(ours.AttributeProtoSchema).i).toBe(0n)
  })

  it('keeps unknown fields and unknown enum values', () => {
    const bytes = Uint8Array.of(
      ...[0xa2, 0x06, 2, 1, 2], // 100, bytes
      ...[0xa8, 0x06, 0x96, 0x01], // 101, a number
      ...[0xb5, 0x06, 1, 2, 3, 4], // 102, 32 bits
      ...[0xb9, 0x06, 1, 2, 3, 4, 5, 6, 7, 8], // 103, 64 bits
      ...[0xa0, 0x01, 99], // AttributeProto.type
    )
    const read = fromBinary(ours.AttributeProtoSchema, bytes)
    expect(read.type).toBe(0)
    expect(toBinary(ours.AttributeProtoSchema, read)).toEqual(bytes)
  })

  it('shares its bytes with the file, also after clone()', () => {
    const model = fromBinary(ours.ModelProtoSchema, tiny)
    const [weights] = model.graph!.initializer.filter(({ rawData }) => rawData.length > 0)
    expect(weights.rawData.buffer).toBe(tiny.buffer)
    const [again] = clone(ours.ModelProtoSchema, model).graph!.initializer.filter(
      ({ rawData }) => rawData.length > 0,
    )
    expect(again.rawData).toBe(weights.rawData)
    expect(again).not.toBe(weights)
  })

  it('merges a repeated message field', () => {
    const half = (init: object) => toBinary(ours.ModelProtoSchema, create(ours.ModelProtoSchema, init))
    const both = Buffer.concat([half({ graph: { name: 'a' } }), half({ graph: { docString: 'b' } })])
    expect(fromBinary(ours.ModelProtoSchema, both).graph).toMatchObject({ name: 'a', docString: 'b' })
  })

  it.each([
    ['truncated', tiny.subarray(0, tiny.length - 5)],
    ['unknown wire type', Uint8Array.of(7)],
    ['field number 0', Uint8Array.of(0, 0)],
    ['an endless varint', new Uint8Array(20).fill(255)],
    ['a part longer than its parent', Uint8Array.of(0x3a, 2, 0x0a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    ['a group without an end', Uint8Array.of(0xa3, 0x06, 0x08, 1)],
    ['groups nested too deeply', nestedGroups(100_000)],
  ])('is rejected: %s', (_, bytes) => {
    expect(() => fromBinary(ours.ModelProtoSchema, bytes)).toThrow(RangeError)
  })

  it('is rejected if graphs are nested too deeply', () => {
    let bytes: Uint8Array = new Uint8Array(0)
    for (let depth = 0; depth < 60; depth++) {
      const attribute = create(ours.AttributeProtoSchema, {})
      attribute.$unknown = [{ no: 6, wireType: 2, data: withLengthOf(bytes) }]
      const node = create(ours.NodeProtoSchema, { attribute: [attribute] })
      bytes = toBinary(ours.GraphProtoSchema, create(ours.GraphProtoSchema, { node: [node] }))
    }
    expect(() => fromBinary(ours.GraphProtoSchema, bytes)).toThrow('nested too deeply')
  })
})

function withLengthOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const length: number[] = []
  let rest = bytes.length
  for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128)
  return Uint8Array.of(...length, rest, ...bytes)
}

function nestedGroups(depth: number): Uint8Array {
  return Uint8Array.from({ length: 2 * depth }, (_, i) => (i % 2 === 0 ? 0xa3 : 0x06))
}
