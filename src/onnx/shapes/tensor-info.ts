import type { TensorProto_DataType as DataType } from '../proto/onnx.ts'

/** Static information about a tensor. */
export interface TensorInfo {
  type?: DataType
  dims?: Dims
  /** The values, for small tensors used in shape computations. */
  values?: (number | undefined)[]
}

/** Dimensions of a tensor; `undefined` for unknown ones. */
export type Dims = (number | undefined)[]
