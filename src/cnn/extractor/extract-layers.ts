import { invalidArgument } from '../../core/errors.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import { cutWithFloat32Io } from '../../onnx/edit/float32-io.ts'
import { treatsImagesApart } from '../../onnx/graph/independent-images.ts'
import { type ExtractOptions, Pipeline, type Tap } from '../batching/run-images.ts'
import { imageTensorInput } from '../image-tensor-input.ts'
import { type LayerInfo, largestLayer } from '../layers/layer-info.ts'
import { checkPooling } from '../pool.ts'
import { startNetwork } from '../start-network.ts'
import type { LayerChoice } from './extractor-options.ts'
import { averaged, checkSize, type LoadedNetwork, pickLayer, pictureDims } from './load-network.ts'

/**
 * Extracts features at several layers in one pass; see `FeatureExtractor.extractLayers`.
 *
 * @param measured the layers of the network with their shapes
 */
export async function extractLayers(
  parts: LoadedNetwork,
  measured: readonly LayerInfo[],
  images: readonly ImageInput[],
  choices: readonly LayerChoice[],
  options: ExtractOptions,
): Promise<Matrix[]> {
  const { facts, layers, layer, preprocess, running, arrangements, threads } = parts
  if (!Array.isArray(choices) || choices.length === 0) {
    throw invalidArgument('choices', choices, 'an array of at least one { layer, pooling }')
  }
  const shapes = new Map(measured.map(({ name, shape }) => [name, shape]))
  const taps = choices.map((choice, i): Tap => {
    const { pooling = 'auto' } = choice
    checkPooling(pooling, `choices[${i}].pooling`)
    const found =
      choice.layer === undefined ? layer : pickLayer(layers, facts, choice.layer, `choices[${i}].layer`)
    return {
      layer: found.name,
      pooling,
      shape: shapes.get(found.name),
      arrangement: arrangements.of(found.name),
      argument: `choices[${i}].pooling`,
    }
  })
  const names = [...new Set(taps.map((tap) => tap.layer))]
  const cut = await averaged(cutWithFloat32Io(parts.model, names, parts.facts), parts)
  const port = imageTensorInput(cut)
  checkSize(port, preprocess)
  const dims = pictureDims(port, preprocess)
  // A GPU may have been lost since the extractor was made.
  const { device } = parts.session
  const session = await startNetwork(cut, port, dims, {
    ...running,
    device: device === 'given' ? undefined : device,
  })
  try {
    const isIndependent = treatsImagesApart(cut)
    const pipeline = new Pipeline(
      { session, port, preprocess, taps, isIndependent },
      { largestLayer: largestLayer(measured, names), dims, threads },
    )
    return await pipeline.run(images, options).finally(() => pipeline.close())
  } finally {
    await session.release()
  }
}
