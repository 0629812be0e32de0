import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { clouds } from '../../test/support/clouds.ts'
import { collect, refusal } from '../../test/support/data-readers.ts'
import { hasPythonModule } from '../../test/support/programs.ts'
import { readSvmlight, svmlightBatches, writeSvmlight } from './svmlight.ts'

const fixtures = new URL('../../test/fixtures/data/', import.meta.url)
const expected = JSON.parse(readFileSync(new URL('expected.json', fixtures), 'utf8')).svmlight
const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(`${name}.svmlight`, fixtures)))
const text = (content: string) => new TextEncoder().encode(content)

describe('readSvmlight', () => {
  it.each(['one-based', 'zero-based', 'odd'])('reads %s as scikit-learn does', async (name) => {
    const bytes = bytesOf(name)
    const { X, y } = await readSvmlight(bytes)
    expect([X.rows, X.cols]).toEqual(expected[name].X.shape)
    expect(Array.from(X.data)).toEqual(expected[name].X.values.map((value: number) => value + 0))
    expect(y).toEqual(expected[name].y)
    for (const size of [1, 7]) {
      const crumbs = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      )
      expect(await readSvmlight(crumbs)).toEqual({ X, y })
    }
    const options = { columns: X.cols, zeroBased: name === 'zero-based' }
    expect(await readSvmlight(bytes, options)).toEqual({ X, y })
    const batches = await collect(svmlightBatches(bytes, { ...options, batchSize: 3 }))
    expect(
      batches
        .map((batch) => batch.X.rows)
        .slice(0, -1)
        .every((rows) => rows === 3),
    ).toBe(true)
    expect(batches.flatMap((batch) => [...batch.X.data])).toEqual([...X.data])
    expect(batches.flatMap((batch) => batch.y)).toEqual(y)
  })

  it('has the requested width', async () => {
    const { X } = await readSvmlight(text('1 2:3\n'), { columns: 4 })
    expect(Array.from(X.data)).toEqual([0, 3, 0, 0])
    expect(Array.from((await readSvmlight(text('1 2:3\n'), { zeroBased: true })).X.data)).toEqual([0, 0, 3])
    expect((await readSvmlight(text('1\n2\n'), { columns: 2 })).X.rows).toBe(2)
  })

  it.each<[string, string, object, string, string]>([
    ['nothing', '', {}, 'DATA_UNREADABLE', 'no rows'],
    ['only comments', '# 1 1:1\n\n', {}, 'DATA_UNREADABLE', 'no rows'],
    ['rows without numbers', '1\n2\n', {}, 'DATA_UNREADABLE', 'all its rows are empty'],
    ['a label that is text', '1 1:1\ncat 1:1\n', {}, 'DATA_UNREADABLE', "line 2: 'cat' is not a label"],
    ['several labels', '1,2 1:1\n', {}, 'DATA_UNREADABLE', "'1,2' is not a label"],
    ['a token that is not a pair', '1 1\n', {}, 'DATA_UNREADABLE', "'1' is not an index:value pair"],
    ['a negative index', '1 -1:1\n', {}, 'DATA_UNREADABLE', "'-1:1' is not an index:value pair"],
    ['indexes that are not ascending', '1 2:1 1:1\n', {}, 'DATA_UNREADABLE', 'index 1 follows 2'],
    ['index 0 in a one-based file', '1 0:1\n', { zeroBased: false }, 'DATA_UNREADABLE', 'index 0'],
    ['a query in the middle', '1 1:1 qid:2\n', {}, 'DATA_UNREADABLE', "'qid:2'"],
    ['NaN', '1 1:nan\n', {}, 'DATA_UNREADABLE', "the value of '1:nan' is not a finite float32"],
    ['a gigantic index', '1 2000000000:1\n', {}, 'OUT_OF_MEMORY', '2000000000 columns'],
    ['an index beyond the safe integers', '1 99999999999999999999:1\n', {}, 'DATA_UNREADABLE', 'is not from'],
    ['too few columns', '1 3:1\n', { columns: 2 }, 'INVALID_ARGUMENT', '3 or more'],
    ['a .csv file', 'a,b\n1,2\n', {}, 'DATA_UNREADABLE', "line 1: 'a,b'"],
  ])('rejects %s', async (_, content, options, code, phrase) => {
    await expect(readSvmlight(text(content), options)).rejects.toEqual(refusal(phrase, code))
  })

  it('rejects batches without a width, and rows wider than it', async () => {
    const read = (columns: number) => collect(svmlightBatches(text('1 1:1\n1 9:1\n'), { columns }))
    await expect(read(8)).rejects.toEqual(refusal('line 2: index 9 exceeds the 8 columns'))
    await expect(read(0)).rejects.toEqual(refusal('columns', 'INVALID_ARGUMENT'))
    expect(await read(9)).toHaveLength(1)
  })

  it('rejects an unterminated line before it fills the memory', async () => {
    function* endless() {
      while (true) yield new Uint8Array(2 ** 20).fill(49)
    }
    await expect(readSvmlight(endless())).rejects.toEqual(refusal('longer than'))
  })
})

describe('writeSvmlight', () => {
  const { X, codes } = clouds(30, 3, 5)

  it('survives writing and reading, also in chunks', async () => {
    expect(await readSvmlight(writeSvmlight(X, codes))).toEqual({ X, y: codes })
    const halves = [0, 1].map((half) => {
      const rows = Array.from({ length: 15 }, (_, i) => half * 15 + i)
      return writeSvmlight(
        X.select(rows),
        rows.map((row) => codes[row]),
      )
    })
    expect(await readSvmlight(halves)).toEqual({ X, y: codes })
  })

  it('validates the labels', () => {
    expect(() => writeSvmlight(X, [1])).toThrow(refusal('30 labels', 'SHAPE_MISMATCH'))
    expect(() => writeSvmlight(X, codes.fill(Number.NaN))).toThrow(refusal('y[0]', 'INVALID_ARGUMENT'))
  })

  it.runIf(hasPythonModule('sklearn'))('can be read by scikit-learn', () => {
    const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
    afterAll(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'rows.svmlight')
    const { X, codes } = clouds(30, 3, 5)
    writeFileSync(path, writeSvmlight(X, codes))
    const program = `
import json, sys
import numpy as np
from sklearn.datasets import load_svmlight_file
X, y = load_svmlight_file(sys.argv[1])
print(json.dumps([X.toarray().astype(np.float32).ravel().tolist(), y.tolist()]))`
    const answer = execFileSync('/usr/bin/python3', ['-c', program, path], { encoding: 'utf8' })
    expect(JSON.parse(answer)).toEqual([Array.from(X.data), codes])
  })
})
