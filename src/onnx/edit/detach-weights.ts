import { create, toBinary } from '@bufbuild/protobuf'
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from 'onnx-buf'

/** A file beside an ONNX model that holds some of its weights. */
export interface WeightFile {
  path: string
  data: Uint8Array
}

/** Weights below this stay in the model: runtimes look at small ones to infer shapes. */
const smallest = 4096

/**
 * An ONNX file without its large weights, and where these lie: in the very memory that the model was read into.
 * So a runtime that takes external data gets them without a copy being made of the file.
 */
export function detachWeights(model: ModelProto): { bytes: Uint8Array; files: WeightFile[] } {
  const files = new Map<ArrayBufferLike, WeightFile>()
  const graph = model.graph!
  const initializer = graph.initializer.map((tensor) => {
    const { buffer, byteOffset, byteLength } = tensor.rawData
    if (byteLength < smallest) return tensor
    const file = files.get(buffer) ?? { path: `weights${files.size}`, data: new Uint8Array(buffer) }
    files.set(buffer, file)
    return detached(tensor, { location: file.path, offset: byteOffset, length: byteLength })
  })
  if (files.size === 0) return { bytes: toBinary(ModelProtoSchema, model), files: [] }
  const light = create(ModelProtoSchema, {
    ...model,
    graph: create(GraphProtoSchema, { ...graph, initializer }),
  })
  return { bytes: toBinary(ModelProtoSchema, light), files: [...files.values()] }
}

function detached(
  { name, dims, dataType }: TensorProto,
  place: Record<string, string | number>,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims,
    dataType,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(place).map(([key, value]) => ({ key, value: String(value) })),
  })
}
