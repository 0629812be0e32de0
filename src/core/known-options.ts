import { invalidArgument, SoftmarginError, show } from './errors.ts'
import { closestName } from './suggest.ts'

/**
 * Refuses options that a call does not know: a misspelt option that is ignored changes results unseen.
 *
 * @param known the names of the options
 * @param argument what the caller calls the options
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, with the closest name if one is near
 */
export function checkKnownOptions(options: unknown, known: readonly string[], argument = 'options'): void {
  if (typeof options !== 'object' || options === null) throw invalidArgument(argument, options, 'an object')
  const name = Object.entries(options).find(
    ([each, value]) => value !== undefined && !known.includes(each),
  )?.[0]
  if (name === undefined) return
  const expected = `made of ${known.join(', ')}`
  const [near] = closestName(name, [...known], 1, 2)
  const hint = near === undefined ? '' : `: did you mean ${show(near)}?`
  const message = `${argument} must be ${expected}, but has ${show(name)}${hint}`
  throw new SoftmarginError('INVALID_ARGUMENT', message, { argument, received: name, expected })
}
