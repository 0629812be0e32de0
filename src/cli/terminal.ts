import { Presets, SingleBar } from 'cli-progress'
import type { Progress } from '../progress.ts'

/** One line to the person at the terminal. Results go to stdout, everything said about them to stderr. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Answers on stdout: text for people, or one JSON document for machines. */
export function answer(json: boolean, document: unknown, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(document, undefined, 2)}\n` : text())
}

/** A long call's progress as a bar, drawn on stderr if that is a terminal, else nothing. */
export class ProgressBar {
  #bar: SingleBar | undefined
  #stage: string | undefined

  /** Handed to `onProgress`. A new stage begins a new bar. */
  readonly update = ({ done, total, stage = '' }: Progress & { stage?: string }): void => {
    if (!process.stderr.isTTY) return
    if (this.#bar === undefined || stage !== this.#stage) {
      this.stop()
      this.#stage = stage
      const format = ` ${stage.padEnd(12)} {bar} {percentage}% | {value}/{total} | {eta_formatted} left`
      this.#bar = new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic)
      this.#bar.start(total, done)
    }
    this.#bar.setTotal(total)
    this.#bar.update(done)
    if (done >= total) this.stop()
  }

  /** Ends the bar, leaving the terminal as it was. */
  stop(): void {
    this.#bar?.stop()
    this.#bar = undefined
  }
}

/** Rows of text with their columns in line; the first column is left-aligned, the others right-aligned. */
export function table(rows: string[][]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}
