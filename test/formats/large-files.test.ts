import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { Matrix, writeNpy, writeNpz } from '../../src/svm.ts'

const MB = 2 ** 20
const columns = 256
const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
afterAll(() => rmSync(folder, { recursive: true }))

const line = Array.from({ length: columns }, (_, k) => ((k * 37) % 101) / 16)

/** Writes a text repeatedly until a file has this many bytes. @returns the number of repetitions */
function repeat(path: string, header: string, text: string, bytes: number): number {
  writeFileSync(path, header)
  const piece = text.repeat(1000)
  let times = 0
  for (; statSync(path).size < bytes; times += 1000) appendFileSync(path, piece)
  return times
}

/** Functions that write a large file. @returns the number of its rows */
const files: Record<string, (path: string) => number> = {
  npy(path) {
    // A sparse file: zeros take almost no space on disk.
    const rows = 1_048_576
    writeFileSync(path, writeNpy(new Matrix(new Float32Array(columns), 1, columns)))
    const header = statSync(path).size - 4 * columns
    const one = writeNpy(new Matrix(new Float32Array(columns), 1, columns)).subarray(0, header)
    const text = new TextDecoder('latin1').decode(one).replace('(1,', `(${rows},`)
    // The header ends in spaces, which make room for the longer number.
    writeFileSync(path, Buffer.from(`${text.slice(0, header - 1)}\n`, 'latin1'))
    truncateSync(path, header + 4 * columns * rows)
    return rows
  },
  npz(path) {
    const rows = 250_000
    writeFileSync(path, writeNpz({ X: new Matrix(new Float32Array(columns * rows), rows, columns) }))
    return rows
  },
  csv: (path) => repeat(path, `${line.map((_, k) => `c${k}`)},label\n`, `${line},cat\n`, 176 * MB),
  svmlight: (path) =>
    repeat(path, '', `1 ${line.map((value, k) => `${k + 1}:${value}`).join(' ')}\n`, 176 * MB),
}

it.each(Object.entries(files))(
  'reads a large .%s file with little memory',
  (kind, write) => {
    const path = join(folder, `large.${kind}`)
    const rows = write(path)
    expect(statSync(path).size).toBeGreaterThan(170 * MB)
    const program = fileURLToPath(new URL('read-batches.js', import.meta.url))
    const child = execFileSync(process.execPath, ['--max-old-space-size=32', program, path, String(columns)])
    rmSync(path)
    const answer: { rows: number; most: number } = JSON.parse(String(child))
    expect(answer.rows).toBe(rows)
    // An idle process takes about 45 MB.
    expect(answer.most).toBeLessThan(160 * MB)
  },
  120_000,
)
