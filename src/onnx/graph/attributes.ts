import {
  type AttributeProto,
  TensorProto_DataType as DataType,
  type NodeProto,
  type TensorProto,
} from 'onnx-buf'

/** A node's attribute, if it is set. */
export function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name)
}

/** An integer attribute, or `fallback` where it is not set. */
export function integerOf(node: NodeProto, name: string, fallback: number): number {
  const attribute = attributeOf(node, name)
  return attribute ? Number(attribute.i) : fallback
}

/** A list of integers, if it is set. */
export function integersOf(node: NodeProto, name: string): number[] | undefined {
  return attributeOf(node, name)?.ints.map(Number)
}

/** A text attribute, or `fallback` where it is not set. */
export function textOf(node: NodeProto, name: string, fallback: string): string {
  const attribute = attributeOf(node, name)
  return attribute ? new TextDecoder().decode(attribute.s) : fallback
}

/**
 * The numbers of a constant: integers of 32 and 64 bits and float32, which is what shapes and scales are.
 *
 * @param most how many are read
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
