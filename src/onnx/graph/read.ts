import { fromBinary } from '@bufbuild/protobuf'
import { type ModelProto, ModelProtoSchema } from 'onnx-buf'
import { SoftmarginError } from '../../core/errors.ts'
import { describeFileType } from '../../core/file-type.ts'
import { attachWeights } from './external-data.ts'
import { topologicalOrder } from './graph.ts'

/**
 * Reads an ONNX file. The weights are not copied: they are views of `bytes`.
 *
 * @param name how the caller calls the argument, for error messages
 * @param externalData the files that the model's weights lie in, where they are not in the model itself, by the
 *   name that the model has for them
 * @throws {SoftmarginError} `MODEL_UNREADABLE` for what is no ONNX model, or a truncated one, or if `externalData`
 *   is too short; `MODEL_UNSUPPORTED` if it lacks a file
 */
export function readModel(
  bytes: Uint8Array,
  name = 'model',
  externalData: Record<string, Uint8Array> = {},
): ModelProto {
  const model = parseModel(bytes, name)
  attachWeights(model.graph!, externalData, name)
  return model
}

/** The same without the weights that lie in other files. @throws {SoftmarginError} `MODEL_UNREADABLE` */
export function parseModel(bytes: Uint8Array, name = 'model'): ModelProto {
  const format = describeFileType(bytes)
  if (format !== 'of an unknown format') throw unreadable(name, format, `is ${format}`)
  let model: ModelProto
  try {
    model = fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw unreadable(name, format, `is none, or a truncated or damaged one (${bytes.length} bytes)`, cause)
  }
  const graph = model.graph
  // Any short run of bytes may parse: each field of a message may be absent. The operator sets come after the
  // graph in the file, so a cut right behind the graph shows here.
  if (!graph || graph.node.length === 0) throw unreadable(name, format, 'has no graph of operators')
  if (model.opsetImport.length === 0) throw unreadable(name, format, 'names no operator set: it is truncated')
  // What walks a graph backwards, from the scores to the image, relies on coming to an end.
  if (!topologicalOrder(graph))
    throw unreadable(name, format, 'some of its nodes read their own results: a cycle')
  return model
}

function unreadable(name: string, received: string, what: string, cause?: unknown): SoftmarginError {
  const expected = 'an ONNX model'
  const details = { argument: name, received, expected, cause }
  return new SoftmarginError('MODEL_UNREADABLE', `${name} must be ${expected}, but ${what}`, details)
}
