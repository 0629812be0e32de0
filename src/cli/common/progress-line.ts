import type { Progress } from '../../core/call-options.ts'

/** Milliseconds between two drawings. */
const INTERVAL = 100

/** A terminal that a line can be drawn on. */
export interface LineStream {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/** A long call's progress as one line that is drawn over and over; on anything but a terminal, nothing. */
export class ProgressLine {
  readonly #stream: LineStream
  #stage: string | undefined
  #began = 0
  #drawn = 0
  #isThere = false

  constructor(stream: LineStream = process.stderr) {
    this.#stream = stream
  }

  /** Handed to `onProgress`. A new stage begins a new line; the last one of each stage stays. */
  readonly update = ({ done, total, stage = '' }: Progress & { stage?: string }): void => {
    if (!this.#stream.isTTY) return
    const now = performance.now()
    if (stage !== this.#stage) {
      this.stop()
      this.#stage = stage
      this.#began = now
      this.#drawn = 0
    }
    const isDone = done >= total
    if (!isDone && this.#drawn > 0 && now - this.#drawn < INTERVAL) return
    this.#drawn = now
    const columns = this.#stream.columns || 80
    const line = progressText({ stage, done, total, seconds: (now - this.#began) / 1000 }, columns)
    this.#stream.write(`\r${line}\x1b[K`)
    this.#isThere = true
    if (isDone) this.stop()
  }

  /** Leaves the line as it is and goes on below it. */
  stop(): void {
    if (this.#isThere) this.#stream.write('\n')
    this.#isThere = false
    this.#stage = undefined
  }
}

/**
 * A line that tells how far a stage has come, always shorter than the terminal is wide: a terminal that has to wrap a
 * line cannot draw over it.
 *
 * @param seconds how long the stage has taken so far
 */
export function progressText(
  { stage, done, total, seconds }: { stage: string; done: number; total: number; seconds: number },
  columns: number,
): string {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const rest = done >= total ? duration(seconds) : done > 0 ? leftOf(seconds, share) : ''
  const counts = `${String(Math.floor(100 * share)).padStart(3)} %  ${done} of ${total}${rest && `  ${rest}`}`
  const words = `${stage.padEnd(8)}  ${counts}`
  const room = Math.min(40, columns - 1 - words.length - 2)
  if (room < 8) return words.slice(0, Math.max(0, columns - 1))
  const full = Math.round(share * room)
  return `${stage.padEnd(8)}  ${'\u2588'.repeat(full)}${'\u2591'.repeat(room - full)}  ${counts}`
}

/** From a second on, which tells something, how long the rest will take. */
function leftOf(seconds: number, share: number): string {
  return seconds < 1 ? '' : `${duration((seconds * (1 - share)) / share)} left`
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
