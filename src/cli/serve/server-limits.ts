import type { Label } from '../../core/labels.ts'

/** Limits of a server. */
export interface ServerLimits {
  /** Bytes of a request's body. */
  maxBytes: number
  /** Pictures of a request. */
  maxImages: number
  /** Requests that are answered at the same time; more are refused. */
  maxRequests: number
  /** Milliseconds that a request has to arrive, and again to be answered. */
  timeout: number
}

/** What the description of a server tells. */
export interface ServedModel extends ServerLimits {
  classes: readonly Label[]
  hasProbabilities: boolean
  version: string
}
