import type { Matrix } from '../../core/matrix.ts'
import type { Precision } from '../../core/precision/float16.ts'
import { sha256 } from '../../core/sha256.ts'
import type { ImageInput } from '../../image/image-input.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { computationOf } from '../../onnx/graph/computation.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'
import type { ImageViews } from '../augmentation/image-views.ts'
import type { ExtractOptions } from '../batching/run-images.ts'
import type { RuntimeInfo } from '../runtime.ts'
import { canonicalJson, digestOf, type RowSignature, runtimeInSignature } from '../signature-parts.ts'

/** Computes the rows that a store keeps. */
export interface ActivationRows {
  signature(): Promise<RowSignature>
  extract(images: readonly ImageInput[], o: ExtractOptions): Promise<Matrix>
}

/** A `FeatureStore` in which a fine-tuning keeps activations. */
export interface ActivationStore {
  /** Number of images. */
  readonly size: number
  /** @internal */
  keep(
    source: ActivationRows,
    images: readonly ImageInput[],
    o: {
      batchSize: number
      signal: AbortSignal | undefined
      onProgress: (progress: { done: number; threads: number; known: number }) => void
    },
  ): Promise<string[]>
  /** @internal */
  featuresOf(keys: readonly string[], signature: RowSignature): Matrix
}

/**
 * The signature of the activations of an image at some layers, of all of its views.
 *
 * @param cut the network up to the layers
 */
export async function activationSignature(
  cut: ModelProto,
  layers: readonly string[],
  {
    views,
    preprocess,
    runtime: info,
    featureSize,
    precision,
  }: {
    views: ImageViews
    preprocess: ResolvedPreprocess
    runtime: RuntimeInfo
    featureSize: number
    precision: Precision
  },
): Promise<RowSignature> {
  const runtime = runtimeInSignature(info)
  const about = {
    layer: layers.length === 1 ? layers[0] : JSON.stringify(layers),
    pooling: canonicalJson('none'),
    // A store of other views names them as what differs.
    preprocess: canonicalJson({ ...preprocess, views }),
  }
  const network = await sha256(computationOf(cut))
  const kept = precision === 'float16' ? { precision } : {}
  const fingerprint = await digestOf([network, { ...about, ...kept }, runtime ?? null])
  return { fingerprint, ...about, featureSize, ...(runtime !== undefined && { runtime }), ...kept }
}
