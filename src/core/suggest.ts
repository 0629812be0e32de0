/**
 * Returns the `count` names most similar to the wanted one, most similar first.
 *
 * Similarity is the case-insensitive Levenshtein distance; a name that contains the wanted one, or is
 * contained in it, counts as near.
 *
 * @param most names at a greater distance are left out. Default: no limit
 */
export function closestName(
  wanted: string,
  names: string[],
  count: number,
  most = Number.POSITIVE_INFINITY,
): string[] {
  const key = wanted.toLowerCase()
  return [...new Set(names)]
    .map((name, order) => ({ name, order, distance: distance(key, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance || a.order - b.order)
    .slice(0, count)
    .map(({ name }) => name)
}

function distance(a: string, b: string): number {
  if (a !== '' && b !== '' && (a.includes(b) || b.includes(a))) return Math.abs(a.length - b.length) / 100
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      next[j] = Math.min(changed, row[j] + 1, next[j - 1] + 1)
    }
    row = next
  }
  return row[b.length]
}
