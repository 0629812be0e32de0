/** A seeded random number generator (mulberry32). */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Returns an integer from 0 to `sides - 1`. */
  roll(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * sides)
  }

  of<T>(list: readonly T[]): T {
    return list[this.roll(list.length)]
  }
}

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

type Mutation = (bytes: Uint8Array, dice: Dice, others: readonly Uint8Array[]) => Uint8Array

/** Returns `bytes` with a range replaced. */
function replaced(bytes: Uint8Array, from: number, length: number, by: Uint8Array): Uint8Array {
  const made = new Uint8Array(bytes.length - length + by.length)
  made.set(bytes.subarray(0, from))
  made.set(by, from)
  made.set(bytes.subarray(from + length), from + by.length)
  return made
}

/** Chooses a short range. */
function stretch(bytes: Uint8Array, dice: Dice): [from: number, length: number] {
  const from = dice.roll(bytes.length + 1)
  const most = dice.of([1, 4, 16, 256])
  return [from, Math.min(dice.roll(most) + 1, bytes.length - from)]
}

const mutations: Mutation[] = [
  function flipBit(bytes, dice) {
    const made = bytes.slice()
    made[dice.roll(made.length)] ^= 1 << dice.roll(8)
    return made
  },
  function anyByte(bytes, dice) {
    const made = bytes.slice()
    made[dice.roll(made.length)] = dice.roll(256)
    return made
  },
  function oddInteger(bytes, dice) {
    const made = bytes.slice()
    const size = dice.of([1, 2, 4, 8])
    const value = dice.of(integers)
    const at = dice.roll(made.length)
    for (let i = 0; i < size && at + i < made.length; i++) made[at + i] = Math.floor(value / 256 ** i) % 256
    return made
  },
  function remove(bytes, dice) {
    return replaced(bytes, ...stretch(bytes, dice), new Uint8Array(0))
  },
  function repeat(bytes, dice) {
    const [from, length] = stretch(bytes, dice)
    return replaced(bytes, from, 0, bytes.subarray(from, from + length))
  },
  function truncate(bytes, dice) {
    return bytes.slice(0, dice.roll(bytes.length + 1))
  },
  function insertNoise(bytes, dice) {
    const noise = Uint8Array.from({ length: dice.roll(16) + 1 }, () => dice.roll(256))
    return replaced(bytes, dice.roll(bytes.length + 1), 0, noise)
  },
  function splice(bytes, dice, others) {
    const other = dice.of(others)
    const cut = dice.roll(bytes.length + 1)
    return replaced(bytes, cut, bytes.length - cut, other.subarray(dice.roll(other.length + 1)))
  },
  function move(bytes, dice) {
    const [from, length] = stretch(bytes, dice)
    const moved = bytes.slice(from, from + length)
    const rest = replaced(bytes, from, length, new Uint8Array(0))
    return replaced(rest, dice.roll(rest.length + 1), 0, moved)
  },
  // Replaces a number or a word of a text by a number that often breaks programs.
  function oddWord(bytes, dice) {
    const isWord = (byte: number) => byte > 32 && byte !== 44 && byte !== 58
    const start = dice.roll(bytes.length)
    let from = start
    let end = start
    while (from > 0 && start - from < 30 && isWord(bytes[from - 1])) from--
    while (end < bytes.length && end - start < 30 && isWord(bytes[end])) end++
    return replaced(bytes, from, end - from, encoder.encode(dice.of(words)))
  },
]

/** Returns a file with one to five changes. */
export function mutate(bytes: Uint8Array, dice: Dice, others: readonly Uint8Array[]): Uint8Array {
  let made = bytes
  for (let times = dice.of([1, 1, 1, 2, 3, 5]); times > 0 && made.length > 0; times--) {
    made = dice.of(mutations)(made, dice, others)
  }
  return made
}
