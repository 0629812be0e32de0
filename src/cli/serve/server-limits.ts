import type { Label } from '../../core/labels.ts'

/** The limits of a server. */
export interface ServerLimits {
  /** Maximum bytes of a request body. */
  maxBytes: number
  /** Maximum number of pictures in a request. */
  maxImages: number
  /** Maximum number of concurrent requests; others are rejected. */
  maxRequests: number
  /** Milliseconds for receiving a request, and again for answering it: an integer that a timer takes. */
  timeout: number
}

/** The properties of a server in its OpenAPI description. */
export interface ServerDescription extends ServerLimits {
  classes: readonly Label[]
  hasProbabilities: boolean
  /** The version of softmargin. */
  version: string
}
