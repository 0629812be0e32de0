import { describe, expect, it } from 'vitest'
import { frame, readFrames } from './frames.ts'

const records = [
  new Uint8Array(40).fill(7),
  new Uint8Array(0),
  Uint8Array.of(0x93, 1, 2),
  new Uint8Array(100),
]
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))
const journal = join(...records.map(frame))

describe('journal frames', () => {
  it('are read back in order', () => {
    expect(readFrames(journal)).toEqual({ records, damage: [], end: journal.length })
    expect(readFrames(new Uint8Array(0))).toEqual({ records: [], damage: [], end: 0 })
  })

  it('are intact up to every place where an append can stop', () => {
    const ends = records.map((_, i) => join(...records.slice(0, i + 1).map(frame)).length)
    for (let length = 0; length < journal.length; length++) {
      const whole = ends.filter((end) => end <= length).length
      const wanted = { records: records.slice(0, whole), damage: [], end: [0, ...ends][whole] }
      expect(readFrames(journal.subarray(0, length)), `${length}`).toEqual(wanted)
      // The same if the rest of the file is zeros, except that zeros in place of a whole record count as damage.
      const { records: found, end } = readFrames(join(journal.subarray(0, length), new Uint8Array(50)))
      expect(found.slice(0, whole), `${length}`).toEqual(records.slice(0, whole))
      expect(end).toBeGreaterThanOrEqual(wanted.end)
    }
  })

  it('are found after any damage, which is reported', () => {
    const [first, second, third, last] = records.map(frame)
    const noise = Uint8Array.from({ length: 300 }, (_, i) => (i * 89) % 256)
    for (const damaged of [noise, new Uint8Array(77), second.map((byte) => byte ^ 1), last.subarray(0, 60)]) {
      const { records: found, damage, end } = readFrames(join(first, damaged, third, last))
      expect(found).toEqual([records[0], records[2], records[3]])
      expect(damage).toEqual([{ recordsBefore: 1, bytes: damaged.length }])
      expect(end).toBe(first.length + damaged.length + third.length + last.length)
    }
    const { damage, end } = readFrames(join(first, noise))
    expect(damage).toEqual([{ recordsBefore: 1, bytes: 300 }])
    expect(end).toBe(first.length + 300)
  })

  it('detect every flipped bit', () => {
    const whole = frame(records[0])
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = whole.slice()
      damaged[bit >> 3] ^= 1 << (bit & 7)
      expect(readFrames(damaged).records).toEqual([])
      expect(readFrames(join(damaged, whole)).records).toEqual([records[0]])
    }
  })
})
