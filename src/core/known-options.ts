import { invalidArgument, SoftmarginError, show } from './errors.ts'

/**
 * Checks that options have no names but the known ones, so that a misspelt option is not silently ignored.
 *
 * @param known every name that the call understands
 * @param argument name of the options, for error messages
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, with the nearest known name if one is near
 */
export function checkKnownOptions(options: unknown, known: readonly string[], argument = 'options'): void {
  if (typeof options !== 'object' || options === null) throw invalidArgument(argument, options, 'an object')
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const expected = `made of ${known.join(', ')}`
  const [near] = closestName(unknown, [...known], 1)
  const isNear = near !== undefined && distance(unknown.toLowerCase(), near.toLowerCase()) <= 2
  const message = `${argument} must be ${expected}, but has ${show(unknown)}${isNear ? `: did you mean ${show(near)}?` : ''}`
  throw new SoftmarginError('INVALID_ARGUMENT', message, { argument, received: unknown, expected })
}

/**
 * Returns the `count` names most similar to the wanted one, most similar first.
 *
 * Similarity is the case-insensitive Levenshtein distance; a name that contains the wanted one, or is
 * contained in it, counts as near.
 */
export function closestName(wanted: string, names: string[], count: number): string[] {
  const key = wanted.toLowerCase()
  return [...new Set(names)]
    .map((name, order) => ({ name, order, distance: distance(key, name.toLowerCase()) }))
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
