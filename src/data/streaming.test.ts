import { describe, expect, it } from 'vitest'
import { Matrix } from '../core/matrix.ts'
import { csvBatches } from './csv.ts'
import { npyBatches, writeNpy } from './npy.ts'
import { svmlightBatches } from './svmlight.ts'

const MB = 2 ** 20
const columns = 256
const line = Array.from({ length: columns }, (_, k) => ((k * 37) % 101) / 16)

/** Yields a header, then the same piece `times` times. */
async function* stream(header: Uint8Array, piece: Uint8Array, times: number): AsyncGenerator<Uint8Array> {
  if (header.length > 0) yield header
  for (let i = 0; i < times; i++) yield piece.slice()
}

/** A `.npy` header for this many rows, and a piece of 1000 rows. */
function npy(rows: number): [Uint8Array, Uint8Array] {
  const whole = writeNpy(
    new Matrix(
      Float32Array.from({ length: columns * 1000 }, (_, i) => line[i % columns]),
      1000,
      columns,
    ),
  )
  const length = whole.length - columns * 1000 * 4
  const header = new TextDecoder('latin1').decode(whole.subarray(0, length))
  // The header ends with spaces; a longer number replaces one of them.
  const longer = header.replace('(1000,', `(${rows},`)
  const cut = `${longer.slice(0, length - 1)}\n`
  return [Uint8Array.from(cut, (character) => character.charCodeAt(0)), whole.subarray(length)]
}

const text = (content: string) => new TextEncoder().encode(content)

describe('data are read with less memory than they occupy', () => {
  const kinds = {
    '.npy, 512 MB': () => npyBatches(stream(...npy(512_000), 512)),
    'CSV, 24 MB': () =>
      csvBatches(
        stream(text(`${line.map((_, k) => `c${k}`)},label\n`), text(`${line},cat\n`.repeat(1000)), 16),
        {
          label: 'label',
        },
      ),
    'svmlight, 24 MB': () =>
      svmlightBatches(
        stream(
          new Uint8Array(0),
          text(`1 ${line.map((value, k) => `${k + 1}:${value}`).join(' ')}\n`.repeat(1000)),
          10,
        ),
        { columns },
      ),
  }
  it.each(Object.entries(kinds))('%s', async (_, open) => {
    const before = process.memoryUsage()
    let most = 0
    let rows = 0
    for await (const batch of open()) {
      const X = batch instanceof Matrix ? batch : batch.X
      rows += X.rows
      expect(X.data[1]).toBe(line[1])
      const now = process.memoryUsage()
      most = Math.max(most, now.arrayBuffers - before.arrayBuffers)
    }
    expect(rows % 1000).toBe(0)
    expect(rows).toBeGreaterThanOrEqual(10_000)
    expect(most).toBeLessThan(200 * MB)
  })
})
