import type { Precision } from '../../../core/precision/float16.ts'
import { tensorLength } from '../../../image/tensor.ts'
import { cutWithFloat32Io } from '../../../onnx/edit/float32-io.ts'
import type { Tail } from '../../../onnx/gradient/tail.ts'
import { requiredInputs } from '../../../onnx/graph/graph.ts'
import { treatsImagesApart } from '../../../onnx/graph/independent-images.ts'
import { node, tensorInfo } from '../../../onnx/graph/nodes.ts'
import { create } from '../../../onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
} from '../../../onnx/proto/onnx.ts'
import type { TensorInfo } from '../../../onnx/shapes/tensor-info.ts'
import type { ImageViews } from '../../augmentation/image-views.ts'
import type { BatchedNetwork } from '../../batching/batch.ts'
import { Pipeline, type Tap } from '../../batching/run-images.ts'
import { startNetwork } from '../../start-network.ts'
import { activationSignature } from '../../training/activation-store.ts'
import type { Front } from '../../training/kept-activations.ts'
import { type LoadedNetwork, pictureDims } from '../load-network.ts'
import { sizeOfKept } from './trainable-tail.ts'

/** What computes what a training reads of the images, on the extractor's threads. */
interface Started extends Pick<Front, 'run'> {
  release(): Promise<void>
}

/** The network below the layer, in the extractor's own runtime and on its threads. */
export async function startFront(
  parts: LoadedNetwork,
  tail: Tail,
  facts: Map<string, TensorInfo>,
  views: ImageViews,
): Promise<Started & Pick<Front, 'signature'>> {
  const { kept } = tail
  const { port, preprocess, running, threads } = parts
  const cut = cutWithFloat32Io(
    parts.model,
    kept.map(({ name }) => name).filter((name) => name !== port.name),
    parts.facts,
  )
  const dims = pictureDims(port, preprocess)
  const session = await startNetwork(cut, port, dims, running)
  const taps = kept.map(({ name, dims }): Tap => ({ layer: name, pooling: 'none', shape: dims.slice(1) }))
  const network = { session, port, preprocess, taps, views, isIndependent: treatsImagesApart(cut) }
  const featureSize = views.count * sizeOfKept(tail)
  const names = kept.map(({ name }) => name)
  const signature = (precision: Precision) =>
    activationSignature(cut, names, { views, preprocess, featureSize, precision, runtime: session.runtime })
  return { ...piped(network, { largestLayer: largestResult(cut, facts), dims, threads }), signature }
}

/** A network that passes on the images themselves, so that they are decoded and resized like those of any network. */
export async function startDecoder(parts: LoadedNetwork): Promise<Started> {
  const { port, preprocess, threads, layer, running } = parts
  const { graph, ...model } = cutWithFloat32Io(parts.model, [layer.name], parts.facts)
  const dims = pictureDims(port, preprocess)
  const [, ...shape] = dims
  const pixels = `${port.name}.pixels`
  const decoder = create(ModelProtoSchema, {
    ...model,
    graph: {
      name: 'decoder',
      node: [node('', 'Identity', [port.name], [pixels])],
      input: requiredInputs(graph!),
      output: [tensorInfo(pixels, DataType.FLOAT, dims)],
    },
  })
  const session = await startNetwork(decoder, port, dims, { runtime: 'engine', onWarning: running.onWarning })
  const taps: Tap[] = [{ layer: pixels, pooling: 'none', shape }]
  const largestLayer = 4 * tensorLength(preprocess)
  return piped({ session, port, preprocess, taps, isIndependent: true }, { largestLayer, dims, threads })
}

function piped(network: BatchedNetwork, o: ConstructorParameters<typeof Pipeline>[1]): Started {
  const pipeline = new Pipeline(network, o)
  const release = async () => {
    pipeline.close()
    await network.session.release()
  }
  return { run: pipeline.run.bind(pipeline), release }
}

/** Size in bytes of the largest result of a node for one image. @param facts of the smallest batch */
function largestResult({ graph }: ModelProto, facts: Map<string, TensorInfo>): number {
  const sizes = graph!.node.flatMap(({ output }) => output.map((name) => facts.get(name)?.dims ?? []))
  return Math.max(...sizes.map(([, ...dims]) => dims.reduce<number>((all, n) => all * (n ?? 1), 4)))
}
