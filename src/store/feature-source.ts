import type { ExtractOptions } from '../cnn/batching/run-images.ts'
import type { FeatureExtractor, LayerChoice } from '../cnn/extractor/extractor.ts'
import { joinColumns } from '../core/join-matrices.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import { type FeatureSignature, joinSignatures, signatureOf } from './feature-signature.ts'

/** Computes the features that a store keeps. */
export interface FeatureSource {
  signature(): Promise<FeatureSignature>
  /** As `FeatureExtractor.extract`. */
  extract(images: readonly ImageInput[], o: ExtractOptions): Promise<Matrix>
}

/** Wraps an extractor as a source. */
export function oneLayer(extractor: FeatureExtractor): FeatureSource {
  return {
    signature: () => signatureOf(extractor),
    extract: (images, o) => extractor.extract(images, o),
  }
}

/** Extracts several layers of one network in a single pass and concatenates their features in each row. */
export class JoinedLayers implements FeatureSource {
  readonly choices: readonly LayerChoice[]
  readonly #extractor: FeatureExtractor
  #signature: Promise<FeatureSignature> | undefined

  constructor(
    extractor: FeatureExtractor,
    choices: readonly LayerChoice[],
    signature?: Promise<FeatureSignature>,
  ) {
    this.choices = choices
    this.#extractor = extractor
    this.#signature = signature
  }

  /** Returns a source for the same layers of the same network that runs them with another extractor. */
  on(extractor: FeatureExtractor): JoinedLayers {
    return new JoinedLayers(extractor, this.choices, this.#signature)
  }

  /** Its parts are the signatures that extractors of the single layers would have. */
  signature(): Promise<FeatureSignature> {
    this.#signature ??= this.#computeSignature()
    return this.#signature
  }

  async #computeSignature(): Promise<FeatureSignature> {
    const parts: FeatureSignature[] = []
    for (const choice of this.choices) {
      const alone = await this.#extractor.withLayer(choice)
      try {
        parts.push(await signatureOf(alone))
      } finally {
        alone.dispose()
      }
    }
    return joinSignatures(parts)
  }

  async extract(images: readonly ImageInput[], o: ExtractOptions): Promise<Matrix> {
    const matrices = await this.#extractor.extractLayers(images, this.choices, o)
    return joinColumns(matrices)
  }
}

/** The columns [first, end) that hold the features of one signature within rows of another. */
export function columnsOf(
  wanted: FeatureSignature,
  kept: FeatureSignature,
): [from: number, to: number] | undefined {
  if (wanted.fingerprint === kept.fingerprint) return [0, kept.featureSize]
  let from = 0
  for (const part of kept.parts ?? []) {
    const to = from + part.featureSize
    if (part.fingerprint === wanted.fingerprint) return [from, to]
    from = to
  }
  return undefined
}
