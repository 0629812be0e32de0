import {
  type AttributeProto,
  TensorProto_DataType as DataType,
  type NodeProto,
  type TensorProto,
} from '../proto/onnx.ts'

/** A node's attribute, if set. */
export function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name)
}

/** An integer attribute, or `fallback` if not set. */
export function integerOf(node: NodeProto, name: string, fallback: number): number {
  const attribute = attributeOf(node, name)
  return attribute ? Number(attribute.i) : fallback
}

/** A list of integers, if set. */
export function integersOf(node: NodeProto, name: string): number[] | undefined {
  return attributeOf(node, name)?.ints.map(Number)
}

/** A string attribute, or `fallback` if not set. */
export function textOf(node: NodeProto, name: string, fallback: string): string {
  const attribute = attributeOf(node, name)
  return attribute ? new TextDecoder().decode(attribute.s) : fallback
}

/**
 * The values of a constant of type int32, int64 or float32, the types of shapes and scales.
 *
 * @param most maximum number of values read
 * @returns `undefined` for other types
 */
export function numbersOf(tensor: TensorProto, most = Number.POSITIVE_INFINITY): number[] | undefined {
  const { rawData: raw } = tensor
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  const read = (bytes: number, at: (offset: number) => number) =>
    Array.from({ length: Math.min(most, Math.floor(raw.length / bytes)) }, (_, i) => at(i * bytes))
  switch (tensor.dataType) {
    case DataType.INT64:
      return raw.length > 0
        ? read(8, (at) => Number(view.getBigInt64(at, true)))
        : tensor.int64Data.slice(0, most).map(Number)
    case DataType.INT32:
      return raw.length > 0 ? read(4, (at) => view.getInt32(at, true)) : tensor.int32Data.slice(0, most)
    case DataType.FLOAT:
      return raw.length > 0 ? read(4, (at) => view.getFloat32(at, true)) : tensor.floatData.slice(0, most)
    default:
      return undefined
  }
}
