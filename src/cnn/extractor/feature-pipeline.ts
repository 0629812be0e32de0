import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { treatsImagesApart } from '../../onnx/graph/independent-images.ts'
import type { ImageViews } from '../augmentation/image-views.ts'
import { Pipeline } from '../batching/run-images.ts'
import { type LayerInfo, largestLayer } from '../layers/layer-info.ts'
import { type LoadedNetwork, pictureDims } from './load-network.ts'

/**
 * Opens the pipeline from images to the features of a network's layer.
 *
 * @param layers of the network, measured
 * @param o.preprocess another preprocessing than the network's
 * @param o.views changed copies of each image, which are run instead of the image
 */
export function featurePipeline(
  parts: LoadedNetwork,
  layers: readonly LayerInfo[],
  o: { preprocess?: ResolvedPreprocess; views?: ImageViews } = {},
): Pipeline {
  const { session, port, layer, pooling, dims, arrangement, cut, threads } = parts
  const { preprocess = parts.preprocess, views } = o
  const taps = [{ layer: layer.name, pooling, shape: dims.slice(1), arrangement }]
  const isIndependent = treatsImagesApart(cut)
  return new Pipeline(
    { session, port, preprocess, taps, views, isIndependent },
    {
      largestLayer: largestLayer(layers, [layer.name]),
      dims: pictureDims(port, preprocess),
      threads,
    },
  )
}
