// Parsing of the `index:value` text that LIBSVM's models and data files share.

import { MAX_INDEX } from './sparse-rows.ts'

/** Creates the error for a line that cannot be parsed. */
export type Fail = (why: string) => Error

/** Parses a decimal number as C programs print it. `NaN` for everything else: words, hexadecimal, an empty string. */
export function decimal(text: string): number {
  if (text.length === 0) return Number.NaN
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    // Only digits, `+`, `-`, `.` and `e` pass. This excludes what else `Number` accepts: `Infinity`, hexadecimal,
    // spaces.
    if ((code < 48 || code > 57) && code !== 46 && code !== 45 && code !== 43 && (code | 32) !== 101) {
      return Number.NaN
    }
  }
  return Number(text)
}

/**
 * Reads the `index:value` pairs of a line, as in LIBSVM's models and data files.
 *
 * @param from the position in the line where the pairs begin
 * @param first the smallest index that is allowed
 * @param visit called with each pair; values are finite in float32
 * @throws the error of `fail` for malformed pairs, indexes that do not ascend, and numbers that are not finite
 */
export function readPairs(
  line: string,
  from: number,
  first: number,
  visit: (index: number, value: number) => void,
  fail: Fail,
): void {
  let last = first - 1
  let at = from
  while (true) {
    while (isSpace(line.charCodeAt(at))) at++
    if (at >= line.length) return
    const start = at
    let index = 0
    for (let code = line.charCodeAt(at); code >= 48 && code <= 57; code = line.charCodeAt(++at)) {
      index = index * 10 + code - 48
    }
    if (at === start || line[at] !== ':') throw fail(`${quote(line, start)} is not an index:value pair`)
    if (index < first || index > MAX_INDEX) {
      throw fail(`index ${line.slice(start, at)} is not from ${first} to ${MAX_INDEX}`)
    }
    if (index <= last) throw fail(`index ${index} follows ${last} (indexes must ascend)`)
    last = index
    const begin = ++at
    while (at < line.length && !isSpace(line.charCodeAt(at))) at++
    const value = decimal(line.slice(begin, at))
    if (!Number.isFinite(Math.fround(value)))
      throw fail(`the value of ${quote(line, start)} is not a finite float32`)
    visit(index, value)
  }
}

/** Space, tab, or the carriage return of a Windows line. */
export function isSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 13
}

/** The word at `from`, shortened for an error message. */
export function quote(line: string, from: number): string {
  return `'${line
    .slice(from, from + 40)
    .trimStart()
    .split(/\s/, 1)}'`
}
