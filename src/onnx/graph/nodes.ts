import { create } from '../proto/message.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../proto/onnx.ts'
import { WireType } from '../proto/wire-type.ts'
import { withLength } from '../proto/with-length.ts'

const encoder = new TextEncoder()

/** Value of an ONNX node attribute: a string, an integer (bigint), or a list of one type. */
export type AttributeValue = string | bigint | string[] | bigint[] | Float32Array

/** Creates an ONNX node. `op` is `'Name'` for the default domain or `'domain:Name'`. */
export function node(
  name: string,
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: Record<string, AttributeValue> = {},
): NodeProto {
  const colon = op.lastIndexOf(':')
  return create(NodeProtoSchema, {
    name,
    opType: op.slice(colon + 1),
    domain: colon < 0 ? '' : op.slice(0, colon),
    input: inputs,
    output: outputs,
    attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
  })
}

function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: encoder.encode(value) })
  }
  if (typeof value === 'bigint')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: value })
  if (value instanceof Float32Array) return floatsAttribute(name, value)
  if (value.length > 0 && typeof value[0] === 'string') {
    const strings = (value as string[]).map((text) => encoder.encode(text))
    return create(AttributeProtoSchema, { name, type: AttributeType.STRINGS, strings })
  }
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value as bigint[] })
}

/**
 * A list of floats, written as a packed field.
 *
 * Every protobuf reader must accept repeated numbers both packed and unpacked. Packed, a million support
 * vector values are a single copy of bytes instead of a million small objects, and a fifth smaller. ONNX
 * declares them unpacked, so the packed bytes are passed through as an unknown field.
 */
function floatsAttribute(name: string, floats: Float32Array): AttributeProto {
  const message = create(AttributeProtoSchema, { name, type: AttributeType.FLOATS })
  const data = withLength(bytesOf(floats))
  message.$unknown = [{ no: 7, wireType: WireType.lengthDelimited, data }]
  return message
}

/**
 * The bytes of a number array. ONNX requires little-endian order, which is that of typed arrays on all
 * supported hosts.
 */
function bytesOf(numbers: Float32Array | Float64Array | BigInt64Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength).slice()
}

/** Creates an initializer: `float` for Float32Array, `double` for Float64Array, `int64` for BigInt64Array. */
export function constant(
  name: string,
  values: Float32Array | Float64Array | BigInt64Array,
  dims: number[] = [values.length],
): TensorProto {
  const dataType =
    values instanceof Float32Array
      ? DataType.FLOAT
      : values instanceof Float64Array
        ? DataType.DOUBLE
        : DataType.INT64
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims: dims.map(BigInt),
    rawData: bytesOf(values),
  })
}

/**
 * Describes a graph input or output as a tensor of `elementType`; each dimension is a size or a symbolic
 * name.
 */
export function tensorInfo(
  name: string,
  elementType: DataType,
  dims: (number | bigint | string)[],
): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: elementType,
          shape: {
            dim: dims.map(dimension),
          },
        },
      },
    },
  })
}

function dimension(size: number | bigint | string): TensorShapeProto_Dimension {
  return create(TensorShapeProto_DimensionSchema, {
    value:
      typeof size === 'string'
        ? { case: 'dimParam', value: size }
        : { case: 'dimValue', value: BigInt(size) },
  })
}
