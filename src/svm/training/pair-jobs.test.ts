import { expect, test } from 'vitest'
import { Random } from '../../core/random.ts'
import { pairsOf } from '../../engine/kernel/pairs.ts'
import { PairSchedule } from './pair-jobs.ts'
import type { FitJob, PairSolution } from './pair-solver.ts'

/**
 * Runs the jobs, several at a time, and lets them end in random order. Returns them in the order in which they began.
 *
 * @param share the share of its rows that each pair requests
 */
function doAll(jobs: PairSchedule, pairs: [number, number][], share: number, random: Random): FitJob[] {
  const begun: FitJob[] = []
  const underWay: FitJob[] = []
  const made = new Set<number>()
  for (;;) {
    while (underWay.length < 3) {
      const job = jobs.take()
      if (!job) break
      if (job.type === 'pair') expect(pairs[job.pair].every((c) => made.has(c))).toBe(true)
      begun.push(job)
      underWay.push(job)
    }
    if (underWay.length === 0) return begun
    const [job] = underWay.splice(random.below(underWay.length), 1)
    if (job.type === 'diagonal block') made.add(job.group)
    jobs.end(job, job.type === 'pair' ? ({ pair: job.pair, share } as PairSolution) : undefined)
  }
}

test.each([
  { name: 'all pairs of 7 classes', classes: 7, isLeft: () => true, whole: false, share: 0.5 },
  { name: 'few rows', classes: 7, isLeft: () => true, whole: false, share: 0.1 },
  { name: 'some pairs', classes: 9, isLeft: (pair: number) => pair % 3 === 0, whole: false, share: 0.5 },
  {
    name: 'pairs of late classes',
    classes: 9,
    isLeft: (pair: number) => pair > 26,
    whole: false,
    share: 0.5,
  },
  { name: 'whole blocks', classes: 5, isLeft: () => true, whole: true, share: 0.5 },
  { name: 'two classes', classes: 2, isLeft: () => true, whole: true, share: 0.5 },
  { name: 'none', classes: 5, isLeft: () => false, whole: false, share: 0.5 },
])('$name: each pair once, after its blocks, in whatever order jobs end', (o) => {
  const pairs = pairsOf(o.classes)
  const left = [...pairs.keys()].filter(o.isLeft)
  const random = new Random(3)
  for (let round = 0; round < 50; round++) {
    const begun = doAll(new PairSchedule(pairs, left, o.whole), pairs, o.share, random)
    const owns = begun.flatMap((job) => (job.type === 'diagonal block' ? [job.group] : []))
    const needed = new Set(left.flatMap((pair) => pairs[pair]))
    expect(owns).toEqual([...needed].sort((a, b) => a - b))
    const solved = begun.flatMap((job) => (job.type === 'pair' ? [job] : []))
    expect(solved.map(({ pair }) => pair).sort((a, b) => a - b)).toEqual(left)
    for (const { pair, from } of solved) {
      const isFirst = Math.max(...pairs[pair]) < 4
      const anyFirst = left.some((other) => Math.max(...pairs[other]) < 4)
      const expected = o.whole || (!isFirst && anyFirst && o.share > 0.4) ? 'blocks' : 'off-diagonal rows'
      expect(from).toBe(expected)
    }
  }
})
