import type { TensorProto_DataType as DataType } from 'onnx-buf'

/** What is known of a tensor without running the network. */
export interface TensorFacts {
  type?: DataType
  dims?: Dims
  /** The numbers themselves, of small tensors that tell shapes. */
  values?: (number | undefined)[]
}

/** The dimensions of a tensor; `undefined` for one that is not known. */
export type Dims = (number | undefined)[]
