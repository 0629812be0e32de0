import { tensorInfo } from '../graph/nodes.ts'
import { TensorProto_DataType as DataType, type ModelProto } from '../proto/onnx.ts'
import { cutModel } from './cut.ts'

/** The model up to a tensor, which becomes its only output: float32, of dimensions that are sizes or symbolic names. */
export function withOutput(model: ModelProto, name: string, dims: (number | string)[]): ModelProto {
  const cut = cutModel(model, [name])
  cut.graph!.output = [tensorInfo(name, DataType.FLOAT, dims)]
  return cut
}
