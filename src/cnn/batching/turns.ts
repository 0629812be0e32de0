import { yieldToHost } from '../../host/platform/yield.ts'
import type { ImageCall } from './image-call.ts'

/** Work that is done in short pieces, so that the thread is never blocked for long. */
export interface PiecewiseWork {
  /** Whether no piece is left, now or later. */
  readonly isOver: boolean
  /** Drops what the work still holds. Called between pieces, once the work is over. */
  reset(): void
  /** Does the next piece. @returns `false` if there is nothing to do at the moment */
  doPiece(): Promise<boolean>
}

/** Work in progress on this thread, in round-robin order; the first is served next. */
const underWay: PiecewiseWork[] = []
/** Number of pieces done so far on this thread. */
let pieces = 0
/** The piece in progress. */
let current: Promise<boolean> | undefined

/**
 * Runs pieces of work until the call is settled, yielding to the event loop after each piece so that
 * requests, timers and aborts are handled in between. All work in progress takes turns.
 *
 * Each call drives the work of all calls until it has ended itself, and never waits for a timer of another
 * call: on hosts that tie timers to a request, the timers of a cancelled request never fire.
 *
 * @param work the work that the call is part of
 */
export async function takeTurns(work: PiecewiseWork, call: ImageCall): Promise<void> {
  if (!underWay.includes(work)) underWay.push(work)
  while (!call.isSettled) {
    const { version } = call
    const before = pieces
    await yieldToHost()
    if (call.isSettled) return
    if (current) await current.catch(() => {})
    // If another call has done a piece since, yield to the event loop again first.
    else if (pieces === before && !(await nextPiece())) await call.waitForChange(version)
  }
}

async function nextPiece(): Promise<boolean> {
  current = doNext()
  try {
    return await current
  } finally {
    // Failed pieces count too, because they also took time.
    pieces++
    current = undefined
  }
}

async function doNext(): Promise<boolean> {
  for (const work of [...underWay]) {
    if (work.isOver) {
      work.reset()
      underWay.splice(underWay.indexOf(work), 1)
    } else if (await work.doPiece()) {
      underWay.push(...underWay.splice(underWay.indexOf(work), 1))
      return true
    }
  }
  return false
}

/** Moves the first eligible call to the end, so that the calls of a list take turns. @returns this call */
export function nextCall(
  calls: ImageCall[],
  isEligible: (call: ImageCall) => boolean,
): ImageCall | undefined {
  const at = calls.findIndex(isEligible)
  if (at < 0) return undefined
  const [call] = calls.splice(at, 1)
  calls.push(call)
  return call
}
