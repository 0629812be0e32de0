import { SoftmarginError, show } from '../../core/errors.ts'
import { type GraphProto, type ModelProto, TensorProto_DataLocation } from '../proto/onnx.ts'
import { tensorsOf } from './external-data.ts'
import { parseModel } from './read.ts'

/**
 * Attaches external data to the tensors of a graph as views of the files. The graph is modified.
 *
 * @param files bytes of each file, keyed by the location that the model records for it
 * @param name name under which the caller passed the model, for error messages
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if a file is missing; `MODEL_UNREADABLE` if it is too short
 */
export function attachWeights(graph: GraphProto, files: Record<string, Uint8Array>, name: string): void {
  for (const tensor of tensorsOf(graph)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue
    const place = Object.fromEntries(tensor.externalData.map(({ key, value }) => [key, value]))
    const { location = 'unnamed', offset = '0', length } = place
    const file = Object.hasOwn(files, location) ? files[location] : undefined
    if (!file) {
      throw new SoftmarginError(
        'MODEL_UNSUPPORTED',
        `${name} keeps weights, such as ${show(tensor.name)}, in another file; pass it as externalData: { ${show(location)}: its bytes, path or URL }`,
        { argument: 'externalData', received: Object.keys(files), expected: `the file ${show(location)}` },
      )
    }
    const from = Number(offset)
    const to = length === undefined ? file.length : from + Number(length)
    if (!(from >= 0 && from <= to && to <= file.length)) {
      throw new SoftmarginError(
        'MODEL_UNREADABLE',
        `externalData[${show(location)}] has ${file.length} bytes, but ${show(tensor.name)} is stored in bytes ${from} to ${to}; the file is truncated or belongs to another model`,
        { argument: 'externalData', received: file.length, expected: `at least ${to} bytes` },
      )
    }
    tensor.rawData = file.subarray(from, to) as Uint8Array<ArrayBuffer>
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT
    tensor.externalData = []
  }
}

/**
 * Parses an ONNX file. The weights are not copied; they are views of `bytes`.
 *
 * @param name name of the caller's argument, for error messages
 * @param externalData files with weights stored outside the model, keyed by the location that the model
 *   records for them
 * @throws {SoftmarginError} `MODEL_UNREADABLE` if the input is not an ONNX model, is truncated, or a file of
 *   `externalData` is too short; `MODEL_UNSUPPORTED` if such a file is missing
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
