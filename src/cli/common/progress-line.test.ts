import { describe, expect, it } from 'vitest'
import { ProgressLine, progressText } from './progress-line.ts'

describe('progressText', () => {
  it('always fits into the width of the terminal', () => {
    for (const columns of [10, 20, 40, 60, 79, 80, 81, 120, 300]) {
      for (const total of [0, 1, 48, 2800, 1_000_000]) {
        for (const share of [0, 0.001, 0.5, 0.999, 1]) {
          for (const seconds of [0, 0.5, 5, 59.5, 3000, 1e7]) {
            const done = Math.floor(total * share)
            const line = progressText({ stage: 'features', done, total, seconds }, columns)
            expect(line.length).toBeLessThan(columns)
            expect(line).not.toMatch(/NaN|Infinity|NULL|undefined/)
          }
        }
      }
    }
  })

  it('shows the remaining time when it can be estimated', () => {
    const text = (done: number, seconds: number) =>
      progressText({ stage: 'features', done, total: 2800, seconds }, 80)
    expect(text(0, 9)).toMatch(/^features {2}░+ {4}0 % {2}0 of 2800$/)
    expect(text(8, 0.1)).toMatch(/ 8 of 2800$/)
    expect(text(1400, 20)).toMatch(/^features {2}█+░+ {3}50 % {2}1400 of 2800 {2}20 s left$/)
    expect(text(14, 20)).toMatch(/1 h 6 min left$/)
    expect(text(2800, 70)).toMatch(/ 100 % {2}2800 of 2800 {2}1 min 10 s$/)
  })
})

describe('ProgressLine', () => {
  it('redraws one line per stage on a terminal and clears it to its end', () => {
    let written = ''
    const line = new ProgressLine({ isTTY: true, columns: 60, write: (text) => (written += text) })
    for (let done = 1; done <= 50; done++) line.update({ done, total: 50, stage: 'features' })
    line.update({ done: 1, total: 6, stage: 'svm' })
    line.stop()
    // Cleared to its end.
    const plain = written.replaceAll('\x1b[K', '<clear>')
    const lines = plain.split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/50 of 50.*<clear>$/)
    expect(lines[1]).toMatch(/^\rsvm .*1 of 6<clear>$/)
    for (const drawn of plain.split('\r').slice(1)) expect(drawn).toMatch(/<clear>\n?$/)
  })

  it('prints a line every five seconds elsewhere, and nothing for a short call', () => {
    let written = ''
    let now = 1000
    const line = new ProgressLine({ write: (text) => (written += text) }, () => now)
    for (let done = 1; done <= 260; done++, now += 50) line.update({ done, total: 260, stage: 'features' })
    line.stop()
    expect(written.split('\n')).toEqual([
      'features   38 %  101 of 260  8 s left',
      'features   77 %  201 of 260  3 s left',
      '',
    ])
    written = ''
    line.update({ done: 1, total: 1 })
    line.stop()
    expect(written).toBe('')
  })

  it('shows once how much of a long call came from a cache', () => {
    let written = ''
    let now = 1000
    for (const isTTY of [true, false]) {
      written = ''
      const line = new ProgressLine({ isTTY, columns: 60, write: (text) => (written += text) }, () => now)
      const update = (done: number, known: number) => {
        line.update({ done, total: 20_000, known, stage: 'features' })
        now += 3000
      }
      // Nothing is reported as resumed while every image is in the cache.
      update(9984, 9984)
      update(11_200, 11_200)
      expect(written).not.toContain('resumed')
      update(11_264, 11_204)
      update(11_328, 11_204)
      line.stop()
      expect(written.match(/^.*resumed: 11,204 of 20,000 known$/gm)).toHaveLength(1)
    }
  })
})
