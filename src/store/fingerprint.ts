import { toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema } from 'onnx-buf'
import type { FeatureExtractor } from '../cnn/extractor.ts'
import { sha256 } from '../host/model-cache.ts'
import type { OpenedImage } from '../image/input.ts'

/** What features were made by, in words and as a digest. */
export interface Maker {
  /** SHA-256, in hexadecimal, of the network up to the layer with its weights, the pooling and the preprocessing. */
  fingerprint: string
  /** The layer, the pooling and the preprocessing as JSON, to tell what differs. */
  layer: string
  pooling: string
  preprocess: string
  /** Numbers an image. */
  featureSize: number
  /** Where a row holds the features of several layers side by side: the maker of each. */
  parts?: Omit<Maker, 'preprocess' | 'parts'>[] | undefined
}

/** The maker that an extractor is. Two extractors with one fingerprint make the same features of the same image. */
export async function makerOf(extractor: FeatureExtractor): Promise<Maker> {
  const { layer, featureSize, ...how } = extractor.describe()
  const pooling = inOrder(how.pooling)
  const preprocess = inOrder(how.preprocess)
  const network = await sha256(toBinary(ModelProtoSchema, extractor.cutModel()))
  const all = JSON.stringify([network, layer, pooling, preprocess])
  const fingerprint = await sha256(new TextEncoder().encode(all))
  return { fingerprint, layer, pooling, preprocess, featureSize }
}

/** The maker of rows in which the features of several stand side by side. All have one preprocessing. */
export async function joinMakers(makers: Maker[]): Promise<Maker> {
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
