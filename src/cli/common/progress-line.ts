import type { Progress } from '../../core/call-options.ts'

/** The minimum time between two redraws, in milliseconds. */
const INTERVAL = 100

/** The time between two lines where there is no terminal, in milliseconds. Shorter calls print nothing there. */
const LOG_INTERVAL = 5000

/** The part of a terminal stream that a progress line uses. */
export interface LineStream {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/**
 * Shows the progress of a long call as one line that is redrawn in place. If the stream is not a terminal, a line is
 * added every five seconds instead, so that a log shows that the program is alive.
 */
export class ProgressLine {
  readonly #stream: LineStream
  readonly #now: () => number
  #stage: string | undefined
  #began = 0
  #drawn = 0
  #isThere = false
  #isResumed = false

  /** @param now a clock in milliseconds */
  constructor(stream: LineStream = process.stderr, now: () => number = () => performance.now()) {
    this.#stream = stream
    this.#now = now
  }

  /** A handler for `onProgress`. Each stage starts a new line and leaves its last state visible. */
  readonly update = ({
    done,
    total,
    stage = '',
    known = 0,
  }: Progress & { stage?: string; known?: number }): void => {
    const now = this.#now()
    if (stage !== this.#stage) {
      this.stop()
      this.#stage = stage
      this.#began = now
      this.#drawn = 0
      this.#isResumed = false
    }
    const isResumed = known > 0 && done > known
    if (!this.#stream.isTTY) {
      this.#log({ stage, done, total }, now, isResumed ? known : 0)
      return
    }
    if (isResumed) this.#tellResumed(known, total)
    const isDone = done >= total
    if (!isDone && this.#drawn > 0 && now - this.#drawn < INTERVAL) return
    this.#drawn = now
    const columns = this.#stream.columns || 80
    const line = progressText({ stage, done, total, seconds: (now - this.#began) / 1000 }, columns)
    this.#stream.write(`\r${line}\x1b[K`)
    this.#isThere = true
    if (isDone) this.stop()
  }

  #log({ stage, done, total }: Progress & { stage: string }, now: number, known: number): void {
    if (now - Math.max(this.#began, this.#drawn) < LOG_INTERVAL) return
    this.#drawn = now
    if (known > 0) this.#tellResumed(known, total)
    // `columns` 0: no bar, which would be noise in a log.
    const text = progressText({ stage, done, total, seconds: (now - this.#began) / 1000 }, 0)
    this.#stream.write(`${text}\n`)
  }

  /** Shows, once, how many items of an earlier run the cache holds, when the first missing item has been processed. */
  #tellResumed(known: number, total: number): void {
    if (this.#isResumed) return
    this.#isResumed = true
    const columns = this.#isThere ? '\r\x1b[K' : ''
    this.#stream.write(`${columns}resumed: ${inThousands(known)} of ${inThousands(total)} known\n`)
  }

  /** Ends the current line, so that other output starts below it. */
  stop(): void {
    if (this.#isThere) this.#stream.write('\n')
    this.#isThere = false
    this.#stage = undefined
  }
}

/**
 * Formats a progress line. It is always shorter than the terminal is wide, since a wrapped line could not be redrawn
 * in place.
 *
 * @param seconds time spent on the stage so far
 * @param columns width of the terminal; 0 for none, and then there is neither a bar nor a limit
 */
export function progressText(
  { stage, done, total, seconds }: { stage: string; done: number; total: number; seconds: number },
  columns: number,
): string {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const rest = done >= total ? duration(seconds) : done > 0 ? leftOf(seconds, share) : ''
  const counts = `${String(Math.floor(100 * share)).padStart(3)} %  ${done} of ${total}${rest && `  ${rest}`}`
  const words = `${stage.padEnd(8)}  ${counts}`
  if (columns === 0) return words
  const room = Math.min(40, columns - 1 - words.length - 2)
  if (room < 8) return words.slice(0, Math.max(0, columns - 1))
  const full = Math.round(share * room)
  return `${stage.padEnd(8)}  ${'\u2588'.repeat(full)}${'\u2591'.repeat(room - full)}  ${counts}`
}

/** Estimates the remaining time, once a second has passed; earlier estimates are unreliable. */
function leftOf(seconds: number, share: number): string {
  return seconds < 1 ? '' : `${duration((seconds * (1 - share)) / share)} left`
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** Formats 11204 as 11,204. */
function inThousands(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
