import { ProgressLine } from './progress-line.ts'

/** The progress line of the running command; other output goes below it. */
export const progress = new ProgressLine()

/** Prints one line to stderr. Only results go to stdout; messages go to stderr. */
export function say(line: string): void {
  progress.stop()
  process.stderr.write(`${line}\n`)
}

/** Prints the result to stdout: as text, or as one JSON document with `--json`. */
export function printResult(json: boolean, document: unknown, text: () => string): void {
  progress.stop()
  process.stdout.write(json ? `${JSON.stringify(document, undefined, 2)}\n` : text())
}

/** Aligns the columns of a table: the first to the left, the others to the right. */
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
