import { crc32 as wanted } from 'node:zlib'
import { expect, it } from 'vitest'
import { crc32 } from './crc32.ts'

it('matches zlib for any length and any chunks', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * i * 7 + (i >> 3)) & 255)
  for (let length = 0; length <= bytes.length; length++) {
    const part = bytes.subarray(0, length)
    expect(crc32(0, part)).toBe(wanted(part))
    const cut = length % 11
    expect(crc32(crc32(0, part.subarray(0, cut)), part.subarray(cut))).toBe(wanted(part))
  }
})
