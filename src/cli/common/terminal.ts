import { ProgressLine } from './progress-line.ts'

/** The progress of the running command. What is said goes below it. */
export const progress = new ProgressLine()

/** One line to the person at the terminal. Results go to stdout, everything said about them to stderr. */
export function say(line: string): void {
  progress.stop()
  process.stderr.write(`${line}\n`)
}

/** Answers on stdout: text for people, or one JSON document for machines. */
export function answer(json: boolean, document: unknown, text: () => string): void {
  progress.stop()
  process.stdout.write(json ? `${JSON.stringify(document, undefined, 2)}\n` : text())
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
