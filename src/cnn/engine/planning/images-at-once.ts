import { lengthOf, type Program, readsOf } from '../lowering/operations.ts'
import type { KernelConstants } from '../wasm/instance.ts'
import { makePlan } from './plan.ts'
import type { PlanOptions, RareSteps } from './step.ts'

/** Memory for the maps of one pass, in bytes: about the second-level cache. */
const MAP_BYTES = 2 ** 21
const MOST_PICTURES = 8
/**
 * Memory for what one operation of the tail reads and makes, in bytes. Small maps have few tiles, so that their weights are
 * read, and transformed, for few products: that is saved by running more images than the cache holds maps of.
 */
const TAIL_BYTES = 2 ** 22
/** Maximum memory of the maps between head and tail, in bytes. */
const MAX_BETWEEN_BYTES = 2 ** 24

/**
 * How many images go through a network together: as many as have their maps in the cache, or as many as fill the tiles of
 * the last, small maps, with a head of operations on large maps that run for fewer images at a time.
 */
export function imagesAtOnce(
  program: Program,
  facts: KernelConstants,
  rare: RareSteps,
): Pick<PlanOptions, 'pictures' | 'head'> {
  const bytes = (pictures: number) => makePlan(program, { facts, rare, pictures }).bytes
  const [one, two] = [bytes(1), bytes(2)]
  const pictures = Math.max(1, Math.min(MOST_PICTURES, Math.floor(MAP_BYTES / Math.max(1, two - one))))
  const { operations, outputs } = program
  const sizes = operations.map((operation) => {
    const maps = [...readsOf(operation), operation.output].filter(({ constant }) => !constant)
    return maps.reduce((sum, { shape }) => sum + 4 * lengthOf(shape), 0)
  })
  const start = sizes.findLastIndex((size) => size * MOST_PICTURES > TAIL_BYTES) + 1
  if (pictures === MOST_PICTURES || start === 0 || start === operations.length) return { pictures }
  const made = new Set(operations.slice(0, start).map(({ output }) => output))
  const read = [...operations.slice(start).flatMap(readsOf), ...outputs.map(({ value }) => value)]
  const between = new Set(read.filter((value) => made.has(value)))
  const betweenBytes = [...between].reduce((sum, { shape }) => sum + 4 * lengthOf(shape), 0)
  if (betweenBytes * MOST_PICTURES > MAX_BETWEEN_BYTES) return { pictures }
  return { pictures: MOST_PICTURES, head: { operations: start, pictures } }
}
