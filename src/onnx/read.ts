import { fromBinary } from '@bufbuild/protobuf'
import { type ModelProto, ModelProtoSchema, type TensorProto, TensorProto_DataLocation } from 'onnx-buf'
import { SoftmarginError } from '../errors.ts'
import { whatIs } from '../sniff.ts'

/**
 * Parses an ONNX file. The weights are not copied: they are views of `bytes`.
 *
 * @param name how the caller calls the argument, for error messages
 * @throws {SoftmarginError} `MODEL_UNREADABLE` for what is no ONNX model, or a truncated one;
 *   `MODEL_UNSUPPORTED` if its weights lie in other files
 */
export function readModel(bytes: Uint8Array, name = 'model'): ModelProto {
  const format = whatIs(bytes)
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
  const external = graph.initializer.find(
    (tensor) => tensor.dataLocation === TensorProto_DataLocation.EXTERNAL,
  )
  if (external) {
    throw new SoftmarginError(
      'MODEL_UNSUPPORTED',
      `${name} must hold its weights itself, but '${external.name}' lies in another file, '${fileOf(external)}'`,
      { argument: name, expected: 'an ONNX model without external data' },
    )
  }
  return model
}

function fileOf(tensor: TensorProto): string {
  return tensor.externalData.find(({ key }) => key === 'location')?.value ?? 'unnamed'
}

function unreadable(name: string, received: string, what: string, cause?: unknown): SoftmarginError {
  const expected = 'an ONNX model'
  const details = { argument: name, received, expected, cause }
  return new SoftmarginError('MODEL_UNREADABLE', `${name} must be ${expected}, but ${what}`, details)
}
