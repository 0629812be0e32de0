import './allocations.ts'
import { describe, expect, it } from 'vitest'
import { formats } from './formats.ts'
import { fuzz } from './fuzz.ts'
import { fuzzFrames, fuzzStore } from './journal.ts'

describe('damaged files throw a SoftmarginError quickly and without large allocations', async () => {
  it.each(await formats())('$name', async (format) => {
    const runs = 1000 / (format.cost ?? 1)
    const report = await fuzz(format, runs, 20)
    expect(report.runs).toBe(runs)
    // Most damage must be detected; a reader that accepted everything would also pass otherwise.
    expect(report.sound).toBeLessThan(runs)
  })
})

describe('a damaged journal', () => {
  it('returns every intact record and no other', () => {
    expect(fuzzFrames(3000, 20)).toBe(3000)
  })

  it('loses no acknowledged record except those in the damaged bytes', async () => {
    expect(await fuzzStore(40, 20)).toBe(40)
  }, 60_000)
})
