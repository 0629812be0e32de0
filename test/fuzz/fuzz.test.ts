import './allocations.ts'
import { describe, expect, it } from 'vitest'
import { formats } from './formats.ts'
import { fuzz } from './fuzz.ts'
import { fuzzFrames, fuzzStore } from './journal.ts'

describe('damaged files give a SoftmarginError, soon, and without a large allocation', async () => {
  it.each(await formats())('$name', async (format) => {
    const runs = 1000 / (format.cost ?? 1)
    const report = await fuzz(format, runs, 20)
    expect(report.runs).toBe(runs)
    // Most damage must show: a reader that takes everything would pass as well.
    expect(report.sound).toBeLessThan(runs)
  })
})

describe('a journal that is damaged', () => {
  it('gives back every record that is still whole, and no other', () => {
    expect(fuzzFrames(3000, 20)).toBe(3000)
  })

  it('loses nothing that was acknowledged but what the damaged bytes held', async () => {
    expect(await fuzzStore(40, 20)).toBe(40)
  }, 60_000)
})
