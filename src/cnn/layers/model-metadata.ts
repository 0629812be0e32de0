import { SoftmarginError } from '../../core/errors.ts'
import type { Preprocess } from '../../image/preprocess-options.ts'
import { metadataKey } from '../../onnx/classifier/names.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'
import { checkPooling, type Pooling } from '../pool.ts'

/** Metadata that a model file holds about itself, as JSON in the softmargin entry of its `metadata_props`. */
export interface ModelMetadata {
  preprocess?: Preprocess
  /** Name of the tensor that the model's authors intend as features; it becomes the default layer. */
  layer?: string
  /** How that layer is pooled unless the caller says. */
  pooling?: Pooling
  /** Number of its class and register tokens. */
  prefixTokens?: number
}

/** @throws {SoftmarginError} `MODEL_UNREADABLE` if the entry exists but is malformed */
export function modelMetadata(model: ModelProto): ModelMetadata | undefined {
  const text = model.metadataProps.find(({ key }) => key === metadataKey)?.value
  if (text === undefined) return undefined
  try {
    const { preprocess = {}, layer, pooling, prefixTokens }: Record<string, unknown> = JSON.parse(text)
    if (typeof preprocess !== 'object') throw new Error(`its preprocess is ${JSON.stringify(preprocess)}`)
    if (layer !== undefined && typeof layer !== 'string')
      throw new Error(`its layer is ${JSON.stringify(layer)}`)
    if (layer === undefined) return { preprocess: preprocess as Preprocess }
    if (pooling !== undefined) checkPooling(pooling as Pooling)
    return {
      preprocess: preprocess as Preprocess,
      layer,
      ...(pooling === undefined ? {} : { pooling: pooling as Pooling }),
      ...(Number.isSafeInteger(prefixTokens) && { prefixTokens: prefixTokens as number }),
    }
  } catch (cause) {
    const message = `the model's metadata '${metadataKey}' must be a JSON object: ${cause}`
    throw new SoftmarginError('MODEL_UNREADABLE', message, { argument: 'model', cause })
  }
}
