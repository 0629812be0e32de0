import { create } from '../proto/message.ts'
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from '../proto/onnx.ts'
import { toBinary } from '../proto/write-message.ts'

/** An external data file with weights of an ONNX model. */
export interface WeightFile {
  path: string
  data: Uint8Array
}

/**
 * Weights smaller than this many bytes stay in the model, because runtimes need small constants for shape
 * inference.
 */
const smallest = 4096

/**
 * Splits a model into an ONNX file without its large weights and the memory that holds these. The files are
 * the very buffers that the model was read into, so that a runtime with support for external data gets the
 * weights without a copy.
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
