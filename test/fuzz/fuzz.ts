import { isDeepStrictEqual } from 'node:util'
import { SoftmarginError } from '../../src/core/errors.ts'
import { SeededRandom } from '../support/random.ts'
import { takeLargestAllocation } from './allocations.ts'
import type { Format } from './formats.ts'
import { mutate } from './mutate.ts'

/** Maximum bytes of an array allocated for a file of a few kilobytes. */
export const MOST_BYTES = 2 ** 27
/** Maximum CPU milliseconds for a file of a few kilobytes. CPU time, because other programs may delay this one. */
export const MOST_TIME = 5000

/** The result of fuzzing a format. */
export interface FuzzReport {
  format: string
  /** Number of files read. */
  runs: number
  /** Number of files read without an error, because the damage did not matter. */
  sound: number
  /** Number of occurrences of each error code. */
  codes: Record<string, number>
  /** Bytes of the largest array allocated. */
  largest: number
  /** CPU milliseconds of the slowest file. */
  slowest: number
}

/** A reader failed on a file. */
export class FuzzFailure extends Error {
  readonly bytes: Uint8Array

  constructor(message: string, bytes: Uint8Array, cause?: unknown) {
    super(message, { cause })
    this.name = 'FuzzFailure'
    this.bytes = bytes
  }
}

/**
 * Reads damaged files. Each must be read or throw a `SoftmarginError`, quickly and without large allocations.
 * Afterwards, valid files must be read as before.
 *
 * @param seed the same seed gives the same files
 * @param until milliseconds since the epoch at which to stop, even if runs are left
 * @throws {FuzzFailure} with the file
 */
export async function fuzz(
  { name, seeds, reads, isPlain = false, mutate: mutateSeed }: Format,
  runs: number,
  seed: number,
  until = Number.POSITIVE_INFINITY,
): Promise<FuzzReport> {
  const report: FuzzReport = { format: name, runs: 0, sound: 0, codes: {}, largest: 0, slowest: 0 }
  const random = new SeededRandom(seed)
  const readSeeds = async () => {
    const found: unknown[] = []
    for (const bytes of seeds) found.push(await reads[0](bytes))
    return found
  }
  const before = await readSeeds()
  takeLargestAllocation()
  for (; report.runs < runs && Date.now() < until; report.runs++) {
    const bytes = mutateSeed
      ? mutateSeed(random.below(seeds.length), random)
      : mutate(random.pick(...seeds), random, seeds)
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
    throw new FuzzFailure(`${name}, seed ${seed}: valid files are read differently than before`, seeds[0])
  }
  return report
}
