import { expect, test } from 'vitest'
import { Random } from '../../core/random.ts'
import { pairsOf } from '../../engine/kernel/pairs.ts'
import type { FitJob, PairSolution } from './pair-solver.ts'
import { Schedule } from './schedule.ts'

const CLASSES = 6
const pairs = pairsOf(CLASSES)

/**
 * Runs the jobs in the owner's thread and in others; they end in random order.
 *
 * @param isSolved whether a pair can be solved row by row; otherwise it is given up
 */
function doAll(
  jobs: Schedule,
  toPack: number,
  isSolved: (pair: number) => boolean,
  random: Random,
): FitJob[] {
  const done: FitJob[] = []
  const underWay: (FitJob | undefined)[] = [undefined, undefined, undefined]
  const packed = new Set(Array.from({ length: CLASSES }, (_, c) => c).slice(toPack))
  const made = new Set<number>()
  for (;;) {
    for (const [thread, job] of underWay.entries()) {
      if (job) continue
      const next = jobs.take(thread === 0)
      underWay[thread] = next
      if (!next) continue
      if (next.type === 'pack') expect(thread).toBe(0)
      else if (next.type === 'diagonal block') expect(packed).toContain(next.group)
      else for (const c of pairs[next.pair]) expect(next.from === 'rows' ? packed : made).toContain(c)
    }
    const busy = [...underWay.keys()].filter((thread) => underWay[thread])
    if (busy.length === 0) return done
    const thread = busy[random.below(busy.length)]
    const job = underWay[thread]!
    underWay[thread] = undefined
    if (job.type === 'pack') packed.add(job.group)
    if (job.type === 'diagonal block') made.add(job.group)
    const solves = job.type === 'pair' && (job.from !== 'rows' || isSolved(job.pair))
    jobs.end(job, solves ? ({ pair: job.pair, share: 0.1 } as PairSolution) : undefined)
    done.push(job)
  }
}

test.each([
  { name: 'few rows are enough', blocks: true, small: false, solved: () => true, byRows: 15, onBlocks: 0 },
  {
    name: 'whole blocks do not fit',
    blocks: false,
    small: false,
    solved: () => true,
    byRows: 15,
    onBlocks: 0,
  },
  { name: 'many rows are needed', blocks: true, small: false, solved: () => false, byRows: 1, onBlocks: 15 },
  {
    name: 'some pairs need many rows',
    ...{ blocks: true, small: false, solved: (pair: number) => pair % 4 === 0, byRows: 15, onBlocks: 11 },
  },
  { name: 'small classes', blocks: true, small: true, solved: () => true, byRows: 0, onBlocks: 15 },
])('$name: each pair is solved once, in whatever order jobs end', (o) => {
  const random = new Random(5)
  for (const toPack of [CLASSES, 0]) {
    for (let round = 0; round < 50; round++) {
      const plan = { blocks: o.blocks, small: o.small, fewRows: 0.05 }
      const done = doAll(new Schedule(pairs, toPack, plan), toPack, o.solved, random)
      expect(done.filter((job) => job.type === 'pack')).toHaveLength(toPack)
      const byRows = done.filter((job) => job.type === 'pair' && job.from === 'rows')
      const onBlocks = done.filter((job) => job.type === 'pair' && job.from !== 'rows')
      expect([byRows.length, onBlocks.length]).toEqual([o.byRows, o.onBlocks])
      for (const job of byRows) expect(job).toMatchObject({ mostRows: o.blocks ? 0.05 : 1 })
      const solved = [...byRows.filter((job) => job.type === 'pair' && o.solved(job.pair)), ...onBlocks]
      const numbers = solved.flatMap((job) => (job.type === 'pair' ? [job.pair] : []))
      expect(numbers.sort((a, b) => a - b)).toEqual([...pairs.keys()])
    }
  }
})
