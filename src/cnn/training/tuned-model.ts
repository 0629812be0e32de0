import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { metadataKey } from '../../onnx/classifier/names.ts'
import { cutModel } from '../../onnx/edit/cut.ts'
import { constant, tensorInfo } from '../../onnx/graph/nodes.ts'
import { create } from '../../onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
} from '../../onnx/proto/onnx.ts'
import { toBinary } from '../../onnx/proto/write-message.ts'
import type { ImageTensorInput } from '../image-tensor-input.ts'
import type { ResolvedPooling } from '../pool.ts'
import type { Arrangement } from '../spatial-view.ts'

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

/** What `cutNetwork` and `writeNetwork` need of a `LoadedNetwork`. */
interface CutParts {
  cut: ModelProto
  port: ImageTensorInput
  layer: { name: string }
  dims: readonly number[]
  arrangement: Arrangement
}

/** The network up to its layer: one image input and one float32 output. Weights are shared. */
export function cutNetwork({ cut, port, layer, dims, arrangement }: CutParts): ModelProto {
  // If the model accepts any image size, the map's height and width are symbolic dimensions.
  const free =
    dims.length === 4 &&
    arrangement.channelAxis !== 3 &&
    (port.height === undefined || port.width === undefined)
  const tail = free ? [dims[1], `${layer.name}_height`, `${layer.name}_width`] : dims.slice(1)
  const model = cutModel(cut, [layer.name])
  model.graph!.output = [tensorInfo(layer.name, DataType.FLOAT, [port.batch ?? 'batch', ...tail])]
  return model
}

/** Writes a cut network, with what an extractor of the same features needs to know in its metadata. */
export function writeNetwork(
  network: ModelProto,
  {
    layer,
    preprocess,
    pooling,
    arrangement: { prefixTokens },
  }: Pick<CutParts, 'layer' | 'arrangement'> & { preprocess: ResolvedPreprocess; pooling: ResolvedPooling },
): Uint8Array<ArrayBuffer> {
  const about = { layer: layer.name, preprocess, pooling, prefixTokens }
  return toBinary(ModelProtoSchema, withMetadata(network, metadataKey, about))
}

/** A model with one entry of its metadata replaced by JSON. */
export function withMetadata(model: ModelProto, key: string, value: object): ModelProto {
  const entry = create(StringStringEntryProtoSchema, { key, value: JSON.stringify(value) })
  const others = model.metadataProps.filter((one) => one.key !== key)
  return create(ModelProtoSchema, { ...model, metadataProps: [...others, entry] })
}
