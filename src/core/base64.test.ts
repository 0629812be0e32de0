import { expect, it } from 'vitest'
import { base64Decode, base64Encode } from './base64.ts'

it.each([0, 1, 2, 3, 100, 8191, 8192, 8193, 100_000])('%i bytes are encoded as by Node', (length) => {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 7919) >> 3)
  const text = base64Encode(bytes)
  expect(text).toBe(Buffer.from(bytes).toString('base64'))
  expect(base64Decode(text)).toEqual(bytes)
})

it('rejects invalid text', () => {
  expect(() => base64Decode('%')).toThrow()
})
