import './allocations.ts'
import { describe, expect, it } from 'vitest'
import { formats } from './formats.ts'
import { fuzz } from './fuzz.ts'

describe('damaged files give a SoftmarginError, soon, and without a large allocation', async () => {
  it.each(await formats())('$name', async (format) => {
    const runs = 1000 / (format.cost ?? 1)
    const report = await fuzz(format, runs, 20)
    expect(report.runs).toBe(runs)
    // Most damage must show: a reader that takes everything would pass as well.
    expect(report.sound).toBeLessThan(runs)
  })
})
