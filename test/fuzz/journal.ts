import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { SoftmarginError } from '../../src/core/errors.ts'
import type { Label } from '../../src/core/labels.ts'
import { Matrix } from '../../src/core/matrix.ts'
import { frame, readFrames } from '../../src/host/journal/frames.ts'
import type { RawImage } from '../../src/image/image-input.ts'
import type { FeatureSignature } from '../../src/store/feature-signature.ts'
import type { FeatureSource } from '../../src/store/feature-source.ts'
import { FeatureStore } from '../../src/store/feature-store.ts'
import { SeededRandom } from '../support/random.ts'
import { FuzzFailure } from './fuzz.ts'
import { mutate } from './mutate.ts'

/**
 * Damages journals in every way. All frames that are still intact, and no others, must be read back in their order.
 *
 * @throws {FuzzFailure} with the journal
 */
export function fuzzFrames(runs: number, seed: number, until = Number.POSITIVE_INFINITY): number {
  const random = new SeededRandom(seed)
  let run = 0
  for (; run < runs && Date.now() < until; run++) {
    const frames = Array.from({ length: 1 + random.below(6) }, (_, i) => {
      const bytes = Uint8Array.from({ length: random.below(60) }, () =>
        random.below(4) === 0 ? 0x93 : random.below(256),
      )
      // No two records are the same, and none ends as a frame begins, so no two can overlap.
      return frame(new Uint8Array([i, ...bytes, 0]))
    })
    const journal = new Uint8Array(Buffer.concat(frames))
    const damaged = damage(journal, random)
    const { records, damage: reportedDamage, end } = readFrames(damaged)
    const found = records.map((record) => Buffer.from(record).toString('hex'))
    const expected = frames.map((framed) => Buffer.from(framed.subarray(20)).toString('hex'))
    const bytes = Buffer.from(damaged)
    const place = `frames, seed ${seed}, run ${run}`
    for (const [i, framed] of frames.entries()) {
      if (bytes.includes(Buffer.from(framed)) && !found.includes(expected[i]))
        throw new FuzzFailure(`${place}: lost ${i}`, damaged)
    }
    if (found.some((record) => !expected.includes(record)))
      throw new FuzzFailure(`${place}: an unknown one`, damaged)
    const length = records.reduce((sum, record) => sum + record.length + 20, 0)
    if (length + reportedDamage.reduce((sum, each) => sum + each.bytes, 0) !== end || end > damaged.length) {
      throw new FuzzFailure(`${place}: the lengths do not add up`, damaged)
    }
  }
  return run
}

/** Damages a file as disks, crashes and power cuts do, and in other ways. */
function damage(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const from = random.below(bytes.length + 1)
  switch (random.below(6)) {
    case 0:
      return bytes.slice(0, from)
    case 1:
      return new Uint8Array([...bytes.subarray(0, from), ...new Uint8Array(random.below(100))])
    case 2:
      return bytes.slice().fill(0, from, from + random.below(100))
    case 3:
      return bytes.slice().fill(0, from)
    case 4:
      return new Uint8Array([...bytes, ...new Uint8Array(1 + random.below(100))])
    default:
      return bytes.length === 0 ? bytes : mutate(bytes, random, [bytes])
  }
}

const maker: FeatureSignature = {
  fingerprint: 'ff',
  layer: 'relu',
  pooling: '"max"',
  preprocess: '{}',
  featureSize: 3,
}

/** Computes features that are the number of the image, so that features of another image are detected. */
const source: FeatureSource = {
  signature: async () => maker,
  extract: async (images) => {
    const data = images.flatMap((image) => {
      const [low, high] = (image as RawImage).data
      return [low, high, low + high]
    })
    return new Matrix(Float32Array.from(data), images.length, 3)
  },
}

const image = (number: number): RawImage => ({
  data: Uint8Array.of(number & 255, number >> 8),
  ...{ width: 2, height: 1, channels: 1 },
})

/** What `extract` and `save` have acknowledged: the label of each image. */
type Acknowledged = Map<number, Label>

/**
 * Extracts, labels, saves and reopens a store, one after the other and concurrently, and in between damages its files
 * as crashes and disks do. Everything acknowledged must be there, except what the damaged bytes contained.
 *
 * @throws {FuzzFailure} with the journal
 */
export async function fuzzStore(
  runs: number,
  seed: number,
  until = Number.POSITIVE_INFINITY,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-fuzz-'))
  const random = new SeededRandom(seed)
  let run = 0
  try {
    for (; run < runs && Date.now() < until; run++) {
      await lifeOfAStore(join(folder, `${run}.npz`), random, `store, seed ${seed}, run ${run}`)
      for (const name of readdirSync(folder)) rmSync(join(folder, name))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return run
}

async function lifeOfAStore(path: string, random: SeededRandom, place: string): Promise<void> {
  const acknowledged: Acknowledged = new Map()
  const fail = (why: string, cause?: unknown): never => {
    const journal = readIfThere(`${path}.journal`)
    throw new FuzzFailure(`${place}: ${why}`, journal, cause)
  }
  for (let life = 0; life < 4; life++) {
    const warnings: string[] = []
    const store = await FeatureStore.open(path, { onWarning: (message) => warnings.push(message) }).catch(
      (error) => fail(`it cannot be opened: ${error}`, error),
    )
    if (warnings.length > 0) fail(`it reports damage: ${warnings}`)
    await compare(store, acknowledged).catch((error) => fail(String(error), error))
    const calls: Promise<void>[] = []
    for (let step = random.below(6); step > 0; step--) {
      if (random.below(3) === 0) calls.push(store.save())
      else calls.push(extractSome(store, acknowledged, random))
      if (random.below(2) === 0) await Promise.all(calls)
    }
    await Promise.all(calls).catch((error) => fail(`a call failed: ${error}`, error))
    store.dispose()
    crash(path, random)
  }
  await damageJournal(path, acknowledged, random).catch((error) => fail(String(error), error))
}

async function extractSome(
  store: FeatureStore,
  acknowledged: Acknowledged,
  random: SeededRandom,
): Promise<void> {
  const numbers = Array.from({ length: 1 + random.below(5) }, () => random.below(30))
  const labels = numbers.map((number): Label => random.pick<Label>('', number, `${number}`, number / 3))
  const batchSize = 1 + random.below(3)
  // Concurrent calls may label the same image; here they use the same label for it.
  const own = numbers.map((number, i) => acknowledged.get(number) ?? labels[i])
  for (const [i, number] of numbers.entries()) {
    own[i] = acknowledged.get(number) ?? own[numbers.indexOf(number)]
    acknowledged.set(number, own[i])
  }
  await store.keep(source, numbers.map(image), { labels: own, batchSize })
}

/** Checks that the store contains exactly what was acknowledged. */
async function compare(store: FeatureStore, acknowledged: Acknowledged): Promise<void> {
  if (store.size !== acknowledged.size) throw new Error(`${store.size} images, not ${acknowledged.size}`)
  await compareWhatIsThere(store, acknowledged)
}

async function compareWhatIsThere(store: FeatureStore, acknowledged: Acknowledged): Promise<Set<number>> {
  const found = new Set<number>()
  const { labels } = store
  for (let row = 0; row < store.size; row++) {
    const [low, high, sum] = store.features.row(row)
    const number = low + 256 * high
    if (low + high !== sum || !acknowledged.has(number)) throw new Error(`row ${row} is ${[low, high, sum]}`)
    if (labels[row] !== acknowledged.get(number)) throw new Error(`the label of ${number} is ${labels[row]}`)
    found.add(number)
  }
  return found
}

/** Leaves what a crash during an append, a save or the creation of the lock leaves. */
function crash(path: string, random: SeededRandom): void {
  // An append begins after the last intact record.
  const all = readIfThere(`${path}.journal`)
  const journal = all.subarray(0, readFrames(all).end)
  const started = frame(Uint8Array.from({ length: 200 }, () => random.below(256)))
  const left = random.pick(
    new Uint8Array(0),
    started.subarray(0, random.below(started.length)),
    new Uint8Array(random.below(5000)),
  )
  if (journal.length > 0 || left.length > 0) writeFileSync(`${path}.journal`, Buffer.concat([journal, left]))
  const dead = { pid: 2 ** 30, host: hostname(), id: 'dead' }
  if (random.below(3) === 0) writeFileSync(`${path}.lock`, JSON.stringify(dead))
}

/** Damages the journal. The store must open with everything that the damaged bytes did not contain. */
async function damageJournal(path: string, acknowledged: Acknowledged, random: SeededRandom): Promise<void> {
  const journal = readIfThere(`${path}.journal`)
  const before = new Set<number>()
  {
    using store = await FeatureStore.open(path)
    for (const number of await compareWhatIsThere(store, acknowledged)) before.add(number)
  }
  const damaged = damage(journal, random)
  writeFileSync(`${path}.journal`, damaged)
  const left = Buffer.from(damaged)
  const { records } = readFrames(journal)
  const lost = records.filter((record) => !left.includes(Buffer.from(frame(record)))).length
  try {
    const store = await FeatureStore.open(path, { onWarning: () => {} })
    if (lost === 0 && store.size !== before.size) throw new Error(`${store.size} images, not ${before.size}`)
    // The lost images are extracted again, after which the store is complete.
    const numbers = [...acknowledged.keys()]
    const labels = numbers.map((number) => acknowledged.get(number)!)
    if (numbers.length > 0) await store.keep(source, numbers.map(image), { labels })
    await compare(store, acknowledged)
    if (random.below(2) === 0) await store.save()
    store.dispose()
    using again = await FeatureStore.open(path, { onWarning: () => {} })
    await compare(again, acknowledged)
  } catch (error) {
    // By chance it may look like a journal of an earlier version.
    if (!(error instanceof SoftmarginError) || !error.message.includes('earlier version')) throw error
  }
}

function readIfThere(path: string): Uint8Array {
  try {
    // A slice of a Buffer would share its memory.
    return Uint8Array.from(readFileSync(path))
  } catch {
    return new Uint8Array(0)
  }
}
