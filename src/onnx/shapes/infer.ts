import type { ModelProto } from '../proto/onnx.ts'
import { inferWith } from './infer-graph.ts'
import { shapesOf } from './infer-shapes.ts'
import { valuesOf } from './infer-values.ts'
import type { Dims, TensorInfo } from './tensor-info.ts'

/** Infers types and shapes as `inferWith` does, with the rules of all operators. */
export function inferTensors(model: ModelProto, inputs?: Record<string, Dims>): Map<string, TensorInfo> {
  return inferWith({ shapesOf, valuesOf }, model, inputs)
}
