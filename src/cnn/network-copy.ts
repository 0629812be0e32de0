import { mayShareMemory } from '../host/threads.ts'
import { detachWeights, type WeightFile } from '../onnx/edit/detach-weights.ts'
import { attachWeights } from '../onnx/graph/read-model.ts'
import { type ModelProto, ModelProtoSchema } from '../onnx/proto/onnx.ts'
import { fromBinary } from '../onnx/proto/read-message.ts'
import type { SharedPlace } from './engine/network.ts'

/** The data from which another thread recreates a network. Structured-cloneable. */
export interface NetworkCopy {
  runtime: 'engine' | 'onnxruntime'
  /** The model without its large weights. */
  model: Uint8Array
  /** Its large weights, in shared memory if the host has it. */
  files: WeightFile[]
  /** For the engine: the location of the packed weights. Without it, the thread packs the weights itself. */
  place: SharedPlace | undefined
}

/** A network that is prepared for other threads. */
export interface SharedNetwork {
  /** One for each thread that can run it. */
  places: (SharedPlace | undefined)[]
  /** The other parts of a copy, which are the same for all copies; each call creates them again. */
  parts(): Omit<NetworkCopy, 'place'>
}

/** Splits a model into parts that can be sent to any number of threads. */
export function splitModel(model: ModelProto): Pick<NetworkCopy, 'model' | 'files'> {
  const { bytes, files } = detachWeights(model)
  if (!mayShareMemory()) return { model: bytes, files }
  return {
    model: bytes,
    files: files.map(({ path, data }) => {
      const shared = new Uint8Array(new SharedArrayBuffer(data.length))
      shared.set(data)
      return { path, data: shared }
    }),
  }
}

/** Reassembles a model in the thread. Its weights are not copied. */
export function joinModel({ model: bytes, files }: Pick<NetworkCopy, 'model' | 'files'>): ModelProto {
  const model = fromBinary(ModelProtoSchema, bytes)
  attachWeights(model.graph!, Object.fromEntries(files.map(({ path, data }) => [path, data])), 'the model')
  return model
}
