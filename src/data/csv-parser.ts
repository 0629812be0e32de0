// An incremental CSV parser (RFC 4180).

import { unreadable } from './data-source.ts'

export const FORMAT = 'CSV text'

/** A field whose end has not arrived after this many characters is refused; it probably lacks its closing quote. */
const MAX_UNFINISHED_FIELD = 2 ** 24

/** An unfinished field of at most this many characters is scanned again with every new chunk of text. */
const MAX_RESCANNED = 1024

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const QUOTE = 34

/** One record: its fields, and the line on which it begins, counted from 1. */
export interface CsvRecord {
  line: number
  fields: string[]
}

/**
 * Parses CSV text (RFC 4180) incrementally: fields may be quoted, quotes inside them are doubled, lines end with LF,
 * CRLF or CR (as on old Macs), and empty lines are skipped.
 *
 * Written for this package because existing parsers need Node's streams or the whole text at once, and this one must
 * also run in browsers and edge functions.
 */
export class CsvParser {
  readonly #delimiter: string
  /** The text that is not parsed yet; it begins at the start of a field. */
  #text = ''
  /** Text that has arrived since `#text` was last scanned, and its length. */
  #chunks: string[] = []
  #unscanned = 0
  #line = 1
  /** The fields of the record that is not complete yet. */
  #fields: string[] = []
  #recordLine = 1

  /** @param delimiter one character between fields */
  constructor(delimiter: string) {
    this.#delimiter = delimiter
  }

  /**
   * Returns the records that this text completes.
   *
   * @param last whether this is the end of the text; the last record then needs no end of line
   * @throws {SoftmarginError} `DATA_UNREADABLE` with the line
   */
  *push(text: string, last: boolean): Generator<CsvRecord> {
    this.#chunks.push(text)
    this.#unscanned += text.length
    // A long field is scanned again only once it has doubled. Scanning it for every small chunk would take quadratic
    // time.
    if (!last && this.#text.length > MAX_RESCANNED && this.#unscanned < this.#text.length) return
    this.#text += this.#chunks.join('')
    this.#chunks = []
    this.#unscanned = 0
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
    }
    this.#text = this.#text.slice(at)
    if (this.#text.length > MAX_UNFINISHED_FIELD)
      throw this.#fail(`a field is longer than ${MAX_UNFINISHED_FIELD} characters`)
  }

  /**
   * The position of the delimiter or end of line after the field that begins at `from`, or the length of the text
   * for the very last field. `undefined` if the field may continue in text that has not arrived yet.
   */
  #fieldEnd(from: number, last: boolean): number | undefined {
    const text = this.#text
    if (from >= text.length && (!last || this.#fields.length === 0)) return undefined
    let at = from
    if (text[at] === '"') {
      while (true) {
        at = text.indexOf('"', at + 1)
        if (at < 0) {
          if (last) throw this.#fail('a quoted field is not closed')
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
        ? 'text follows the closing quote of a field'
        : 'a field without quotes contains a quote',
    )
  }

  #unquotedEnd(from: number): number {
    const text = this.#text
    const delimiter = this.#delimiter.charCodeAt(0)
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === delimiter || code === LINE_FEED || code === CARRIAGE_RETURN || code === QUOTE) return at
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
    const record = { line: this.#recordLine, fields: this.#fields }
    this.#fields = []
    this.#recordLine = ++this.#line
    if (record.fields.length > 1 || record.fields[0] !== '') yield record
  }

  #fail(why: string): Error {
    return unreadable(FORMAT, `line ${this.#line}: ${why}`)
  }
}
