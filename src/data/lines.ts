import { chunksOf, type DataSource, type ReadOptions, unreadable } from './data-source.ts'

/** The longest line that is accepted, in characters; a longer one means that the data is probably not text. */
const LONGEST = 2 ** 26

/**
 * Decodes a source as UTF-8 text, piece by piece.
 *
 * @throws {SoftmarginError} `DATA_UNREADABLE` for bytes that are not UTF-8, and as `piecesOf`
 */
export async function* textOf(source: DataSource, format: string, o: ReadOptions): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (piece?: Uint8Array) => {
    try {
      return piece ? decoder.decode(piece, { stream: true }) : decoder.decode()
    } catch (cause) {
      throw unreadable(format, 'it is not UTF-8 text', cause)
    }
  }
  for await (const piece of chunksOf(source, o)) yield decode(piece)
  yield decode()
}

/** Yields lines without their line ends (LF, CRLF, or CR as on old Macs); the last needs none. Throws as `textOf`. */
export async function* linesOf(source: DataSource, format: string, o: ReadOptions): AsyncGenerator<string> {
  let open = ''
  /** Whether the previous piece ended with a CR; an LF that follows is part of the same line end. */
  let afterReturn = false
  for await (const text of textOf(source, format, o)) {
    if (text === '') continue
    let from = afterReturn && text[0] === '\n' ? 1 : 0
    afterReturn = text.endsWith('\r')
    for (const { index, 0: end } of text.matchAll(/\r\n?|\n/g)) {
      if (index < from) continue
      yield open + text.slice(from, index)
      open = ''
      from = index + end.length
    }
    open += text.slice(from)
    if (open.length > LONGEST)
      throw unreadable(format, `one of its lines is longer than ${LONGEST} characters`)
  }
  if (open !== '') yield open
}
