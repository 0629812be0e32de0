import type { ModelProto } from '../proto/onnx.ts'
import { commonRules } from './common-rules.ts'
import { inferWith, type Rules } from './infer-graph.ts'
import type { Dims, TensorInfo } from './tensor-info.ts'

/** Infers types and shapes as `inferTensors` does. Rules of less common operators are loaded with the first graph of them. */
export async function inferOnDemand(
  model: ModelProto,
  inputs?: Record<string, Dims>,
): Promise<Map<string, TensorInfo>> {
  if (model.graph!.node.every(({ opType }) => commonRules.has(opType))) {
    const rules: Rules = {
      shapesOf: (node, tensors) => commonRules.get(node.opType)!(node, tensors),
      valuesOf: () => undefined,
    }
    return inferWith(rules, model, inputs)
  }
  const { inferTensors } = await import('./infer.ts')
  return inferTensors(model, inputs)
}
