// What the signatures of features and of kept activations have in common.

import { sha256 } from '../core/sha256.ts'
import { ENGINE_VERSION } from './engine/engine-version.ts'
import type { RuntimeInfo } from './runtime.ts'

/** How rows of features or activations were computed. `FeatureSignature` says more of each field. */
export interface RowSignature {
  fingerprint: string
  layer: string
  pooling: string
  preprocess: string
  featureSize: number
  runtime?: string | undefined
  /** Present if a store keeps the rows in another precision than float32. The fingerprint covers it too. */
  precision?: 'float16' | undefined
}

/** The runtime as signatures name it: with its execution providers, and `undefined` for onnxruntime-web. */
export function runtimeInSignature({ name, module, executionProviders }: RuntimeInfo): string | undefined {
  if (name === 'onnxruntime') return undefined
  if (name === 'engine') return `engine ${ENGINE_VERSION}`
  return executionProviders ? `${module} [${executionProviders.join(', ')}]` : module
}

/** JSON with sorted keys, so that equal settings always give the same text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

/** SHA-256, in hexadecimal, of the JSON of a value. */
export function digestOf(value: unknown): Promise<string> {
  return sha256(new TextEncoder().encode(JSON.stringify(value)))
}
