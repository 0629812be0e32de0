/** Seeded random numbers (mulberry32 and Box-Muller), so that every run of the bench uses the same data. */
export function seeded(seed) {
  let state = seed
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  const below = (bound) => Math.floor(uniform() * bound)
  return { uniform, normal, below }
}

/** The numbers 0 to n - 1 in a seeded random order. */
export function permutation(n, seed) {
  const { below } = seeded(seed)
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1)
    const held = order[i]
    order[i] = order[j]
    order[j] = held
  }
  return order
}
