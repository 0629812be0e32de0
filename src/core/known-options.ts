import { invalidArgument, SoftmarginError, show } from './errors.ts'
import { closestName } from './suggest.ts'

/**
 * Rejects options that a call does not know. A misspelt option that was ignored would silently change the results.
 *
 * @param known the names of the options
 * @param argument what the caller calls the options
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, with the closest name if there is a similar one
 */
export function checkKnownOptions(options: unknown, known: readonly string[], argument = 'options'): void {
  if (typeof options !== 'object' || options === null) throw invalidArgument(argument, options, 'an object')
  const name = Object.entries(options).find(
    ([each, value]) => value !== undefined && !known.includes(each),
  )?.[0]
  if (name !== undefined) throw unknownName('option', name, known, argument)
}

/**
 * The error for a name that is not a known one: suggests the closest known name, or lists all of them.
 *
 * @param kind what the names stand for, such as `'option'`
 * @param argument what the caller calls the object with that name
 */
export function unknownName(
  kind: string,
  name: string,
  known: readonly string[],
  argument: string,
): SoftmarginError {
  const [near] = closestName(name, [...known], 1, 2)
  const hint = near === undefined ? `the ${kind}s are ${known.join(', ')}` : `did you mean ${show(near)}?`
  const message = `unknown ${kind} ${show(name)} in ${argument}; ${hint}`
  const expected = `${kind}s among ${known.join(', ')}`
  return new SoftmarginError('INVALID_ARGUMENT', message, { argument, received: name, expected })
}
