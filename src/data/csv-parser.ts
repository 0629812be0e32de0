import { unreadable } from './data-source.ts'

export const FORMAT = 'CSV text'

/** A field without an end is no field; characters. */
const LONGEST = 2 ** 24

/** A field that is not complete is looked at again with every piece of text as long as it is no longer than this. */
const SHORT = 1024

const LINE_FEED = 10
const RETURN = 13
const QUOTE = 34

/** One record: its fields, and the line that it begins on, from 1. */
export interface CsvRecord {
  line: number
  fields: string[]
}

/**
 * Takes CSV text apart (RFC 4180) as it comes: fields may be quoted, quotes in them are doubled, lines end with LF,
 * CRLF or CR (as on old Macs), empty lines are left out.
 *
 * Our own, since what there is wants Node's streams, or the whole text at once, and this runs in browsers and edge
 * functions as well.
 */
export class CsvParser {
  readonly #delimiter: string
  /** What is not parsed yet: it begins with a field. */
  #text = ''
  /** What came since it was looked at, and its length. */
  #pieces: string[] = []
  #waiting = 0
  #line = 1
  /** The record that is open. */
  #fields: string[] = []
  #begun = 1

  /** @param delimiter between fields: one character */
  constructor(delimiter: string) {
    this.#delimiter = delimiter
  }

  /**
   * The records that are complete with this text.
   *
   * @param last whether it is the end: then the last record needs no end of line
   * @throws {SoftmarginError} `DATA_UNREADABLE` with the line
   */
  *push(text: string, last: boolean): Generator<CsvRecord> {
    this.#pieces.push(text)
    this.#waiting += text.length
    // A long field that comes in crumbs is looked at only when it has doubled: otherwise each crumb costs its length.
    if (!last && this.#text.length > SHORT && this.#waiting < this.#text.length) return
    this.#text += this.#pieces.join('')
    this.#pieces = []
    this.#waiting = 0
    let at = 0
    while (true) {
      const end = this.#fieldEnd(at, last)
      if (end === undefined) break
      this.#fields.push(this.#value(at, end))
      const next = this.#text[end]
      at = end + 1
      if (next === this.#delimiter) continue
      if (next === '\r' && this.#text[at] === '\n') at++
      yield* this.#close()
      if (at >= this.#text.length && last) break
    }
    this.#text = this.#text.slice(at)
    if (this.#text.length > LONGEST) throw this.#fail(`a field is longer than ${LONGEST} characters`)
  }

  /**
   * Where the delimiter or the end of line behind a field stands, the length of the text for the very last; none
   * if the field may go on.
   */
  #fieldEnd(from: number, last: boolean): number | undefined {
    const text = this.#text
    if (from >= text.length && (!last || this.#fields.length === 0)) return undefined
    let at = from
    if (text[at] === '"') {
      while (true) {
        at = text.indexOf('"', at + 1)
        if (at < 0) {
          if (last) throw this.#fail('a quoted field has no end')
          return undefined
        }
        if (text[at + 1] !== '"') break
        at++
      }
      at++
    } else at = this.#unquotedEnd(from)
    if (at >= text.length) return last ? text.length : undefined
    if (text[at] === '\r' && at + 1 === text.length && !last) return undefined
    if (text[at] === this.#delimiter || text[at] === '\n' || text[at] === '\r') return at
    throw this.#fail(
      text[from] === '"'
        ? 'there is more behind a closing quote'
        : 'a quote stands inside a field without quotes',
    )
  }

  #unquotedEnd(from: number): number {
    const text = this.#text
    const delimiter = this.#delimiter.charCodeAt(0)
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === delimiter || code === LINE_FEED || code === RETURN || code === QUOTE) return at
    }
    return text.length
  }

  #value(from: number, end: number): string {
    if (this.#text[from] !== '"') return this.#text.slice(from, end)
    const inside = this.#text.slice(from + 1, end - 1)
    this.#line += inside.match(/\r\n?|\n/g)?.length ?? 0
    return inside.replaceAll('""', '"')
  }

  *#close(): Generator<CsvRecord> {
    const record = { line: this.#begun, fields: this.#fields }
    this.#fields = []
    this.#begun = ++this.#line
    if (record.fields.length > 1 || record.fields[0] !== '') yield record
  }

  #fail(why: string): Error {
    return unreadable(FORMAT, `line ${this.#line}: ${why}`)
  }
}
