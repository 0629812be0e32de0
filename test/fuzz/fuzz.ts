import { isDeepStrictEqual } from 'node:util'
import { SoftmarginError } from '../../src/core/errors.ts'
import { takeLargestAllocation } from './allocations.ts'
import type { Format } from './formats.ts'
import { Dice, mutate } from './mutate.ts'

/** No array of more bytes may be made for files of a few kilobytes. */
export const MOST_BYTES = 2 ** 27
/** No file of a few kilobytes may take longer, in milliseconds of the processor: other programs may delay this one. */
export const MOST_TIME = 5000

/** What came of a format. */
export interface FuzzReport {
  format: string
  /** Files that were read. */
  runs: number
  /** Of them, those that were read without an error: their damage was none. */
  sound: number
  /** How often each error code came. */
  codes: Record<string, number>
  /** The largest array that was asked for, in bytes. */
  largest: number
  /** The longest that a file took, in milliseconds of the processor. */
  slowest: number
}

/** A file that broke the reader. */
export class FuzzFailure extends Error {
  readonly bytes: Uint8Array

  constructor(message: string, bytes: Uint8Array, cause?: unknown) {
    super(message, { cause })
    this.name = 'FuzzFailure'
    this.bytes = bytes
  }
}

/**
 * Reads damaged files: only a `SoftmarginError` may come of it, soon, and without a large allocation. Afterwards sound
 * files are read as before.
 *
 * @param seed the same seed makes the same files
 * @param until milliseconds since the epoch at which to stop, even before all runs are done
 * @throws {FuzzFailure} with the file
 */
export async function fuzz(
  { name, seeds, reads, isPlain = false, mutate: mutateSeed }: Format,
  runs: number,
  seed: number,
  until = Number.POSITIVE_INFINITY,
): Promise<FuzzReport> {
  const report: FuzzReport = { format: name, runs: 0, sound: 0, codes: {}, largest: 0, slowest: 0 }
  const dice = new Dice(seed)
  const readSeeds = async () => {
    const found: unknown[] = []
    for (const bytes of seeds) found.push(await reads[0](bytes))
    return found
  }
  const before = await readSeeds()
  takeLargestAllocation()
  for (; report.runs < runs && Date.now() < until; report.runs++) {
    const bytes = mutateSeed ? mutateSeed(dice.roll(seeds.length), dice) : mutate(dice.of(seeds), dice, seeds)
    const place = `${name}, seed ${seed}, run ${report.runs}`
    const start = process.cpuUsage()
    for (const read of reads) {
      try {
        await read(bytes)
        if (read === reads[0]) report.sound++
      } catch (error) {
        if (!(error instanceof SoftmarginError) || error.code === 'INTERNAL') {
          throw new FuzzFailure(`${place}: ${error}`, bytes, error)
        }
        if (read === reads[0]) report.codes[error.code] = (report.codes[error.code] ?? 0) + 1
      }
    }
    const { user, system } = process.cpuUsage(start)
    const time = (user + system) / 1000
    const largest = takeLargestAllocation()
    if (largest > MOST_BYTES) throw new FuzzFailure(`${place}: an array of ${largest} bytes`, bytes)
    if (time > MOST_TIME) throw new FuzzFailure(`${place}: ${Math.round(time)} ms`, bytes)
    report.largest = Math.max(report.largest, largest)
    report.slowest = Math.max(report.slowest, time)
  }
  const after = await readSeeds()
  if (isPlain && !isDeepStrictEqual(after, before)) {
    throw new FuzzFailure(`${name}, seed ${seed}: sound files are read otherwise than before`, seeds[0])
  }
  return report
}
