import { yieldToHost } from '../../host/platform/yield.ts'
import type { ImageCall } from './image-call.ts'

/** Work that comes in pieces, none of which takes the thread for long. */
export interface PiecewiseWork {
  /** Whether any piece is left to do, now or later. */
  readonly isOver: boolean
  /** Does the next piece. @returns whether there was one: `false` if there is nothing to do at the moment */
  doPiece(): Promise<boolean>
}

/** The work that is under way on this thread; what is done next stands first. */
const underWay: PiecewiseWork[] = []
/** How many pieces were done on this thread. */
let pieces = 0
/** The piece that is being done. */
let current: Promise<boolean> | undefined

/**
 * Sees to it that a call's work is done, one piece in each turn of the event loop, so that between two pieces
 * whatever else waits (requests, timers, aborts) has its turn. All work that is under way takes turns.
 *
 * Each call pushes the work of all calls forward until it has ended itself. No call waits for the timers of another
 * one: on hosts that tie timers to a request, those of a request that was cancelled never fire.
 *
 * @param work what the call is part of
 */
export async function takeTurns(work: PiecewiseWork, call: ImageCall): Promise<void> {
  if (!underWay.includes(work)) underWay.push(work)
  while (!call.isSettled) {
    const { version } = call
    const before = pieces
    await yieldToHost()
    if (call.isSettled) return
    if (current) await current.catch(() => {})
    // If another call has done a piece since, the event loop is to have its turn first.
    else if (pieces === before && !(await nextPiece())) await call.news(version)
  }
}

async function nextPiece(): Promise<boolean> {
  current = doNext()
  try {
    return await current
  } finally {
    // Also after one that failed: it took its time.
    pieces++
    current = undefined
  }
}

async function doNext(): Promise<boolean> {
  for (const work of [...underWay]) {
    if (work.isOver) {
      underWay.splice(underWay.indexOf(work), 1)
    } else if (await work.doPiece()) {
      underWay.push(...underWay.splice(underWay.indexOf(work), 1))
      return true
    }
  }
  return false
}
