import type { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { sha256 } from '../host/download/model-cache.ts'
import type { OpenedImage } from '../image/image-input.ts'
import { computationOf } from '../onnx/graph/computation.ts'

/** What features were made by, in words and as a digest. */
export interface FeatureSignature {
  /**
   * SHA-256, in hexadecimal, of what the network up to the layer computes, with its weights, of the pooling and of the
   * preprocessing, and of the runtime where it is our engine. What a file tells about itself is not a part of it.
   */
  fingerprint: string
  /** The layer, the pooling and the preprocessing as JSON, to tell what differs. */
  layer: string
  pooling: string
  preprocess: string
  /** Numbers an image. */
  featureSize: number
  /** There, and true, where the network looks at mirror images too. The fingerprint knows it anyway. */
  mirror?: boolean | undefined
  /** Where a row holds the features of several layers side by side: the maker of each. */
  parts?: Omit<FeatureSignature, 'preprocess' | 'mirror' | 'parts'>[] | undefined
}

/** An extractor does not change, and to digest a large network takes time. */
const makers = new WeakMap<FeatureExtractor, Promise<FeatureSignature>>()

/**
 * The maker that an extractor is. Two extractors with one fingerprint make the same features of the same image, and an
 * extractor has the same fingerprint when it comes back from a saved classifier.
 */
export function signatureOf(extractor: FeatureExtractor): Promise<FeatureSignature> {
  const known = makers.get(extractor)
  if (known) return known
  const made = makeMaker(extractor)
  makers.set(extractor, made)
  made.catch(() => makers.delete(extractor))
  return made
}

async function makeMaker(extractor: FeatureExtractor): Promise<FeatureSignature> {
  const { layer, featureSize, ...how } = extractor.describe()
  const pooling = inOrder(how.pooling)
  const preprocess = inOrder(how.preprocess)
  const network = await sha256(computationOf(extractor.cutModel()))
  // Our engine's features differ from ONNX Runtime's in their low bits: the two are not mixed in one store.
  const runtime = extractor.runtime.name === 'engine' ? ['engine'] : []
  const all = JSON.stringify([network, layer, pooling, preprocess, ...runtime])
  const fingerprint = await sha256(new TextEncoder().encode(all))
  return { fingerprint, layer, pooling, preprocess, featureSize, ...mirrored(extractor.mirror) }
}

function mirrored(mirror: boolean | undefined): Pick<FeatureSignature, 'mirror'> {
  return mirror ? { mirror } : {}
}

/** The maker of rows in which the features of several stand side by side. All have one preprocessing. */
export async function joinSignatures(makers: FeatureSignature[]): Promise<FeatureSignature> {
  const parts = makers.map(({ fingerprint, layer, pooling, featureSize }) => ({
    ...{ fingerprint, layer, pooling, featureSize },
  }))
  const all = JSON.stringify(parts.map(({ fingerprint }) => fingerprint))
  return {
    fingerprint: await sha256(new TextEncoder().encode(all)),
    layer: JSON.stringify(parts.map(({ layer }) => layer)),
    pooling: JSON.stringify(parts.map(({ pooling }) => JSON.parse(pooling))),
    preprocess: makers[0].preprocess,
    featureSize: parts.reduce((sum, { featureSize }) => sum + featureSize, 0),
    ...mirrored(makers[0].mirror),
    parts,
  }
}

/** JSON with keys in order: the same settings always give the same text. */
function inOrder(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

/** A key for an image: SHA-256, in hexadecimal, of its file's bytes, or of its size and pixels. */
export async function keyOf(opened: OpenedImage): Promise<string> {
  if (opened.kind === 'file') return sha256(Uint8Array.from(opened.bytes))
  const { data, width, height, channels } = opened.image
  const bytes = new Uint8Array(12 + data.length)
  bytes.set(new Uint8Array(Uint32Array.of(width, height, channels).buffer))
  bytes.set(data, 12)
  return sha256(bytes)
}
