import type { SeededRandom } from '../support/random.ts'

/** Numbers that often break programs. */
const integers = [0, 1, 2, 127, 128, 255, 256, 32767, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]
const words = [
  ...[
    '0',
    '-0',
    '-1',
    '1',
    '2147483647',
    '2147483648',
    '4294967296',
    '99999999999999999999',
    '1e999',
    '-1e999',
  ],
  ...[
    'nan',
    'NaN',
    'inf',
    '1e-999',
    '0x10',
    '1e38',
    '1e39',
    '',
    ' ',
    '\n',
    '"',
    '""',
    ',',
    ':',
    '\0',
    '\ufeff',
  ],
]
const encoder = new TextEncoder()

type Mutation = (bytes: Uint8Array, random: SeededRandom, others: readonly Uint8Array[]) => Uint8Array

/** Returns `bytes` with a range replaced. */
function replaced(bytes: Uint8Array, from: number, length: number, by: Uint8Array): Uint8Array {
  const made = new Uint8Array(bytes.length - length + by.length)
  made.set(bytes.subarray(0, from))
  made.set(by, from)
  made.set(bytes.subarray(from + length), from + by.length)
  return made
}

/** Chooses a short range. */
function stretch(bytes: Uint8Array, random: SeededRandom): [from: number, length: number] {
  const from = random.below(bytes.length + 1)
  const most = random.pick(1, 4, 16, 256)
  return [from, Math.min(random.below(most) + 1, bytes.length - from)]
}

const mutations: Mutation[] = [
  function flipBit(bytes, random) {
    const made = bytes.slice()
    made[random.below(made.length)] ^= 1 << random.below(8)
    return made
  },
  function anyByte(bytes, random) {
    const made = bytes.slice()
    made[random.below(made.length)] = random.below(256)
    return made
  },
  function oddInteger(bytes, random) {
    const made = bytes.slice()
    const size = random.pick(1, 2, 4, 8)
    const value = random.pick(...integers)
    const at = random.below(made.length)
    for (let i = 0; i < size && at + i < made.length; i++) made[at + i] = Math.floor(value / 256 ** i) % 256
    return made
  },
  function remove(bytes, random) {
    return replaced(bytes, ...stretch(bytes, random), new Uint8Array(0))
  },
  function repeat(bytes, random) {
    const [from, length] = stretch(bytes, random)
    return replaced(bytes, from, 0, bytes.subarray(from, from + length))
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.below(bytes.length + 1))
  },
  function insertNoise(bytes, random) {
    const noise = Uint8Array.from({ length: random.below(16) + 1 }, () => random.below(256))
    return replaced(bytes, random.below(bytes.length + 1), 0, noise)
  },
  function splice(bytes, random, others) {
    const other = random.pick(...others)
    const cut = random.below(bytes.length + 1)
    return replaced(bytes, cut, bytes.length - cut, other.subarray(random.below(other.length + 1)))
  },
  function move(bytes, random) {
    const [from, length] = stretch(bytes, random)
    const moved = bytes.slice(from, from + length)
    const rest = replaced(bytes, from, length, new Uint8Array(0))
    return replaced(rest, random.below(rest.length + 1), 0, moved)
  },
  // Replaces a number or a word of a text by a number that often breaks programs.
  function oddWord(bytes, random) {
    const isWord = (byte: number) => byte > 32 && byte !== 44 && byte !== 58
    const start = random.below(bytes.length)
    let from = start
    let end = start
    while (from > 0 && start - from < 30 && isWord(bytes[from - 1])) from--
    while (end < bytes.length && end - start < 30 && isWord(bytes[end])) end++
    return replaced(bytes, from, end - from, encoder.encode(random.pick(...words)))
  },
]

/** Returns a file with one to five changes. */
export function mutate(bytes: Uint8Array, random: SeededRandom, others: readonly Uint8Array[]): Uint8Array {
  let made = bytes
  for (let times = random.pick(1, 1, 1, 2, 3, 5); times > 0 && made.length > 0; times--) {
    made = random.pick(...mutations)(made, random, others)
  }
  return made
}
