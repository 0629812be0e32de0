import { mayShareMemory } from '../host/threads.ts'
import { detachWeights, type WeightFile } from '../onnx/edit/detach-weights.ts'
import { attachWeights } from '../onnx/graph/external-data.ts'
import { type ModelProto, ModelProtoSchema } from '../onnx/proto/onnx.ts'
import { fromBinary } from '../onnx/proto/read-message.ts'
import type { SharedPlace } from './engine/network.ts'

/** A network as another thread needs it to run the same. Structured-cloneable. */
export interface NetworkCopy {
  runtime: 'engine' | 'onnxruntime'
  /** The model without its large weights. */
  model: Uint8Array
  /** Its large weights, in shared memory where there is some. */
  files: WeightFile[]
  /** In the engine: where the packed weights lie. Without it, the thread packs weights of its own. */
  place: SharedPlace | undefined
}

/** A network that is prepared for other threads. */
export interface SharedNetwork {
  /** One for each thread that can run it. */
  places: (SharedPlace | undefined)[]
  /** The rest of a copy: the same for all of them, and made anew by each call. */
  parts(): Omit<NetworkCopy, 'place'>
}

/** Takes a model apart, so that any number of threads can be sent it. */
export function takeApart(model: ModelProto): Pick<NetworkCopy, 'model' | 'files'> {
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

/** Puts a model together again, in the thread. Its weights stay where they are. */
export function putTogether({ model: bytes, files }: Pick<NetworkCopy, 'model' | 'files'>): ModelProto {
  const model = fromBinary(ModelProtoSchema, bytes)
  attachWeights(model.graph!, Object.fromEntries(files.map(({ path, data }) => [path, data])), 'the model')
  return model
}
