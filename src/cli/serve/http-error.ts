import { SoftmarginError } from '../../core/errors.ts'

/** An error that is sent as the response to a request. */
export class HttpError extends Error {
  readonly status: number
  readonly code: string
  readonly headers: Record<string, string>

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** Errors caused by a request or its pictures; all others are errors of the server. */
const ofRequest = new Set(['IMAGE_UNREADABLE', 'INVALID_ARGUMENT', 'SHAPE_MISMATCH', 'EMPTY_INPUT'])

/** The response to an error: status, headers and body. */
export function errorResponse(error: unknown): {
  status: number
  headers: Record<string, string>
  body: object
} {
  const body = (code: string, message: string) => ({ error: { code, message } })
  if (error instanceof HttpError) {
    const { status, headers, code, message } = error
    return { status, headers, body: body(code, message) }
  }
  if (error instanceof SoftmarginError && ofRequest.has(error.code)) {
    return { status: 400, headers: {}, body: body(error.code, error.message) }
  }
  if (error instanceof SoftmarginError && error.code === 'ABORTED') {
    const message = 'the pictures could not be classified within the time limit'
    return { status: 503, headers: { 'retry-after': '1' }, body: body('TIMEOUT', message) }
  }
  // Details of internal errors go to the log, not to the client.
  return { status: 500, headers: {}, body: body('INTERNAL', 'the server failed') }
}
