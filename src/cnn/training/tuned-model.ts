import { cutModel } from '../../onnx/edit/cut.ts'
import { constant } from '../../onnx/graph/nodes.ts'
import { create } from '../../onnx/proto/message.ts'
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
} from '../../onnx/proto/onnx.ts'

/**
 * A model with other weights, which are stored as float32. The model itself is not modified.
 *
 * @param weights by the names of constants, or of results of nodes that only read constants
 */
export function withWeights(
  model: ModelProto,
  weights: ReadonlyMap<string, { dims: number[]; values: Float32Array }>,
): ModelProto {
  const graph = model.graph!
  const stored = [...weights].map(([name, { dims, values }]) => constant(name, values, dims))
  const changed = create(ModelProtoSchema, {
    ...model,
    graph: create(GraphProtoSchema, {
      ...graph,
      node: graph.node.filter(({ output }) => !output.some((name) => weights.has(name))),
      initializer: [...graph.initializer.filter(({ name }) => !weights.has(name)), ...stored],
    }),
  })
  // Without the float16 constants that only the removed casts read.
  return cutModel(
    changed,
    graph.output.map(({ name }) => name),
  )
}

/** A model with one entry of its metadata replaced by JSON. */
export function withMetadata(model: ModelProto, key: string, value: object): ModelProto {
  const entry = create(StringStringEntryProtoSchema, { key, value: JSON.stringify(value) })
  const others = model.metadataProps.filter((one) => one.key !== key)
  return create(ModelProtoSchema, { ...model, metadataProps: [...others, entry] })
}
