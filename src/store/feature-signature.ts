// Feature signatures: identify how features were computed, so that a store never mixes incompatible ones.

import type { ExtractorDescription, FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { canonicalJson, digestOf, type RowSignature, runtimeInSignature } from '../cnn/signature-parts.ts'
import { sha256 } from '../core/sha256.ts'
import { type Views, viewsOf } from '../onnx/edit/averaged-views.ts'
import { computationOf } from '../onnx/graph/computation.ts'

/**
 * How features were computed, as text and as a digest: the fields of the signature of activations, and how the features
 * were made of these. The fingerprint is the SHA-256, in hexadecimal, of everything that determines the features: the
 * network up to the layer with its weights, the pooling, the preprocessing, and the runtime unless it is onnxruntime-web.
 * Metadata of the model file is not included. For several layers, `layer` is a JSON array of their names and `pooling` one
 * of their poolings, each with `prefixTokens` if it skips those tokens.
 */
export interface FeatureSignature extends RowSignature {
  /**
   * Present, and true, if the features are averaged over the image and its horizontal mirror image. The fingerprint
   * covers it too.
   */
  mirror?: boolean | undefined
  /** Present if the features are averaged over shifted images too: by how many pixels. The fingerprint covers it too. */
  shift?: Views['shift'] | undefined
  /** The signature of each layer, if a row holds the features of several layers side by side. */
  parts?:
    | Omit<FeatureSignature, 'preprocess' | 'mirror' | 'shift' | 'runtime' | 'precision' | 'parts'>[]
    | undefined
}

/** Cached, since an extractor is immutable and hashing a large network takes time. */
const signatures = new WeakMap<FeatureExtractor, Promise<FeatureSignature>>()

/**
 * Returns the feature signature of an extractor. Extractors with the same fingerprint compute the same features from
 * the same image, and an extractor keeps its fingerprint when it is saved and loaded with a classifier.
 */
export function signatureOf(extractor: FeatureExtractor): Promise<FeatureSignature> {
  const cached = signatures.get(extractor)
  if (cached) return cached
  const signature = computeSignature(extractor)
  signatures.set(extractor, signature)
  signature.catch(() => signatures.delete(extractor))
  return signature
}

async function computeSignature(extractor: FeatureExtractor): Promise<FeatureSignature> {
  const { layer, featureSize, ...how } = extractor.describe()
  const pooling = canonicalJson(poolingOf(how))
  const preprocess = canonicalJson(how.preprocess)
  const cut = await extractor.cutModel()
  const network = await sha256(computationOf(cut))
  // The features of different runtimes differ in their low-order bits, so one store must not mix them.
  const runtime = runtimeInSignature(extractor.runtime)
  const fingerprint = await digestOf([
    network,
    layer,
    pooling,
    preprocess,
    ...(runtime === undefined ? [] : [runtime]),
  ])
  // A saved classifier holds flips and shifts as nodes of its network, so the extractor that runs it has no such options.
  const varying = nonDefaultFields({ ...viewsOf(cut), runtime })
  return { fingerprint, layer, pooling, preprocess, featureSize, ...varying }
}

/** The pooling. Adds `prefixTokens` if it skips those tokens. */
function poolingOf({
  pooling,
  prefixTokens,
}: Pick<ExtractorDescription, 'pooling' | 'prefixTokens'>): unknown {
  const skipsPrefix = prefixTokens !== undefined && pooling !== 'none' && pooling !== 'cls'
  return skipsPrefix ? { pooling, prefixTokens } : pooling
}

/** The fields that a signature has only if they differ from the default. */
function nonDefaultFields({
  mirror,
  shift,
  runtime,
}: Pick<FeatureSignature, 'mirror' | 'shift' | 'runtime'>): Partial<FeatureSignature> {
  const isShifted = shift !== undefined && (shift.down > 0 || shift.right > 0)
  return { ...(mirror ? { mirror } : {}), ...(isShifted ? { shift } : {}), ...(runtime ? { runtime } : {}) }
}

/**
 * Returns the signature of rows that hold the features of several layers side by side, with the same preprocessing.
 */
export async function joinSignatures(signatures: FeatureSignature[]): Promise<FeatureSignature> {
  const parts = signatures.map(({ fingerprint, layer, pooling, featureSize }) => ({
    ...{ fingerprint, layer, pooling, featureSize },
  }))
  return {
    fingerprint: await digestOf(parts.map(({ fingerprint }) => fingerprint)),
    layer: JSON.stringify(parts.map(({ layer }) => layer)),
    pooling: JSON.stringify(parts.map(({ pooling }) => JSON.parse(pooling))),
    preprocess: signatures[0].preprocess,
    featureSize: parts.reduce((sum, { featureSize }) => sum + featureSize, 0),
    ...nonDefaultFields(signatures[0]),
    parts,
  }
}
