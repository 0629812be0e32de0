import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { collect, refusal } from '../../test/support/data-readers.ts'
import { Matrix } from '../core/matrix.ts'
import { type CsvRows, csvBatches, csvRecords, readCsv } from './csv.ts'

const fixtures = new URL('../../test/fixtures/data/', import.meta.url)
const table = new Uint8Array(readFileSync(new URL('table.csv', fixtures)))
const expected = JSON.parse(readFileSync(new URL('expected.json', fixtures), 'utf8'))
const text = (content: string) => new TextEncoder().encode(content)

const records = async (content: string) =>
  (await collect(csvRecords(text(content)))).map((each) => ({ ...each }))

describe('csvRecords', () => {
  it("reads what Python's csv module writes, also byte by byte", async () => {
    expect((await collect(csvRecords(table))).map((each) => ({ ...each }))).toEqual(expected.csv.table)
    for (const size of [1, 2, 3, 5, 16]) {
      const crumbs = Array.from({ length: Math.ceil(table.length / size) }, (_, i) =>
        table.subarray(i * size, (i + 1) * size),
      )
      expect((await collect(csvRecords(crumbs))).map((each) => ({ ...each }))).toEqual(expected.csv.table)
    }
  })

  it.each<[string, string, Record<string, string>[]]>([
    ['no final line ending', 'a,b\n1,2', [{ a: '1', b: '2' }]],
    ['Windows line endings', 'a,b\r\n1,2\r\n', [{ a: '1', b: '2' }]],
    ['empty lines', '\na\n\n1\n\n\n2\n', [{ a: '1' }, { a: '2' }]],
    ['empty fields', 'a,b\n,\n', [{ a: '', b: '' }]],
    ['a field that ends the text', 'a,b\n1,', [{ a: '1', b: '' }]],
    ['an empty quoted field', 'a\n""\n"x"', [{ a: 'x' }]],
    ['quotes', 'a\n"x ""y"" z"\n', [{ a: 'x "y" z' }]],
    ['a carriage return inside a quoted field', 'a\n"x\ry"\n', [{ a: 'x\ry' }]],
    [
      'classic Mac line endings',
      'a,b\r1,2\r3,4\r',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['mixed line endings', 'a\r1\n2\r\n3\r\r4', [{ a: '1' }, { a: '2' }, { a: '3' }, { a: '4' }]],
    ['only a header', 'a,b\n', []],
    [
      'dangerous names',
      '__proto__,a\n1,2\n',
      [
        Object.fromEntries([
          ['__proto__', '1'],
          ['a', '2'],
        ]),
      ],
    ],
  ])('accepts %s', async (_, content, wanted) => {
    expect(await records(content)).toEqual(wanted)
  })

  it('accepts another delimiter', async () => {
    const list = await collect(csvRecords(text('a;b\n1,5;2\n'), { delimiter: ';' }))
    expect({ ...list[0] }).toEqual({ a: '1,5', b: '2' })
    for (const delimiter of ['', '::', '"', '\n']) {
      await expect(collect(csvRecords(text('a'), { delimiter }))).rejects.toEqual(
        refusal('delimiter', 'INVALID_ARGUMENT'),
      )
    }
  })

  it.each<[string, string | Uint8Array, string]>([
    ['nothing', '', 'empty'],
    ['too many fields', 'a,b\n1,2\n1,2,3\n', 'line 3 has 3 fields where the header has 2'],
    ['too few fields', 'a,b\n"x\ny",2\n1\n', 'line 4 has 1 fields'],
    ['an unterminated quote', 'a\n"x\ny', 'line 2: a quoted field is not closed'],
    ['text after a closing quote', 'a\n"x"y\n', 'line 2: text follows the closing quote'],
    ['a quote inside a field', 'a\nx"y"\n', 'line 2: a field without quotes contains a quote'],
    ['two columns with the same name', 'a,b,a\n', "two of its columns are named 'a'"],
    ['bytes that are not UTF-8', Uint8Array.of(97, 10, 0xff, 0xfe), 'not UTF-8'],
    ['a truncated character', Uint8Array.of(97, 10, 0xc3), 'not UTF-8'],
  ])('rejects %s', async (_, content, phrase) => {
    const bytes = typeof content === 'string' ? text(content) : content
    await expect(collect(csvRecords(bytes))).rejects.toEqual(refusal(phrase))
  })

  it('reads a field of a megabyte byte by byte', async () => {
    function* crumbs() {
      for (const byte of text(`a\n"${'x,'.repeat(2 ** 19)}"\ny\n`)) yield Uint8Array.of(byte)
    }
    const start = performance.now()
    const list = await collect(csvRecords(crumbs()))
    expect(list.map(({ a }) => a.length)).toEqual([2 ** 20, 1])
    // Ten times the usual duration. Rescanning the whole field for every byte would take hours.
    expect(performance.now() - start).toBeLessThan(20_000)
  })

  it('counts lines with any kind of line ending', async () => {
    await expect(collect(csvRecords(text('a\r"x\r\ny\rz"\n1,2')))).rejects.toEqual(
      refusal('line 5 has 2 fields'),
    )
  })

  it('rejects an unterminated field before it fills the memory', async () => {
    function* endless() {
      yield text('a\n"')
      while (true) yield new Uint8Array(2 ** 20).fill(120)
    }
    await expect(collect(csvRecords(endless()))).rejects.toEqual(refusal('longer than'))
  })
})

describe('tables of numbers', () => {
  const content = text('id,x,y,kind\n7,1.5,-2,cat\n8, 3e1 ,.5,dog\n9,0,+4.,cat\n')

  it('separates features and labels', async () => {
    const { X, y, columns } = await readCsv(content, { label: 'kind' })
    expect(columns).toEqual(['id', 'x', 'y'])
    expect(X).toEqual(
      Matrix.from([
        [7, 1.5, -2],
        [8, 30, 0.5],
        [9, 0, 4],
      ]),
    )
    expect(y).toEqual(['cat', 'dog', 'cat'])
  })

  it('reads the requested columns in that order', async () => {
    const { X, y } = await readCsv(content, { label: 'id', labels: 'number', columns: ['y', 'x'] })
    expect(X).toEqual(
      Matrix.from([
        [-2, 1.5],
        [0.5, 30],
        [4, 0],
      ]),
    )
    expect(y).toEqual([7, 8, 9])
    expect((await readCsv(content, { columns: ['x'] })).y).toEqual([])
  })

  it('yields batches', async () => {
    const batches: CsvRows[] = await collect(csvBatches(content, { label: 'kind', batchSize: 2 }))
    expect(batches.map(({ X }) => X.rows)).toEqual([2, 1])
    expect(batches.map(({ y }) => y)).toEqual([['cat', 'dog'], ['cat']])
  })

  it.each<[string, string, object, string, string]>([
    ['text instead of a number', 'a,b\n1,x\n', {}, 'DATA_UNREADABLE', "line 2: column 'b' is 'x'"],
    ['an empty field', 'a,b\n1,\n', {}, 'DATA_UNREADABLE', "column 'b' is ''"],
    ['NaN', 'a\nnan\n', {}, 'DATA_UNREADABLE', "column 'a' is 'nan'"],
    ['a number beyond float32', 'a\n1e39\n', {}, 'DATA_UNREADABLE', "column 'a' is '1e39'"],
    ['hexadecimal', 'a\n0x10\n', {}, 'DATA_UNREADABLE', "column 'a' is '0x10'"],
    ['no rows', 'a,b\n', {}, 'DATA_UNREADABLE', 'no rows'],
    ['only labels', 'a\n1\n', { label: 'a' }, 'DATA_UNREADABLE', 'no columns of numbers'],
    [
      'a label that is not a number',
      'a,b\n1,x\n',
      { label: 'b', labels: 'number' },
      'DATA_UNREADABLE',
      "is 'x'",
    ],
    ['a missing label column', 'a\n1\n', { label: 'b' }, 'INVALID_ARGUMENT', "header: 'a', but is 'b'"],
    ['a missing column', 'a\n1\n', { columns: ['a', 'c'] }, 'INVALID_ARGUMENT', 'columns[1]'],
    ['an unknown kind of labels', 'a\n1\n', { labels: 'date' }, 'INVALID_ARGUMENT', 'labels'],
    ['a batch size of 0', 'a\n1\n', { batchSize: 0 }, 'INVALID_ARGUMENT', 'batchSize'],
  ])('rejects %s', async (_, wrong, options, code, phrase) => {
    await expect(readCsv(text(wrong), options)).rejects.toEqual(refusal(phrase, code))
  })
})
