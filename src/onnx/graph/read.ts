import { SoftmarginError } from '../../core/errors.ts'
import { describeFileType } from '../../core/file-type.ts'
import { type ModelProto, ModelProtoSchema } from '../proto/onnx.ts'
import { fromBinary } from '../proto/read-message.ts'
import { topologicalOrder } from './graph.ts'

/** Like `readModel`, without attaching external data. @throws {SoftmarginError} `MODEL_UNREADABLE` */
export function parseModel(bytes: Uint8Array, name = 'model'): ModelProto {
  const format = describeFileType(bytes)
  if (format !== 'of an unknown format') throw unreadable(name, format, `is ${format}`)
  let model: ModelProto
  try {
    model = fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw unreadable(name, format, `it is not one, or is truncated or damaged (${bytes.length} bytes)`, cause)
  }
  const graph = model.graph
  // Almost any short byte sequence may parse, since all fields of a message are optional. The opsets follow
  // the graph in the file, so a file truncated right after the graph is detected here.
  if (!graph || graph.node.length === 0) throw unreadable(name, format, 'it has no graph')
  if (model.opsetImport.length === 0)
    throw unreadable(name, format, 'it is truncated: it declares no operator set')
  // Algorithms that walk the graph backwards, from the scores to the image, rely on it having no cycles.
  if (!topologicalOrder(graph)) throw unreadable(name, format, 'its graph has a cycle')
  return model
}

function unreadable(name: string, received: string, what: string, cause?: unknown): SoftmarginError {
  const expected = 'an ONNX model'
  const details = { argument: name, received, expected, cause }
  return new SoftmarginError('MODEL_UNREADABLE', `${name} must be ${expected}, but ${what}`, details)
}
