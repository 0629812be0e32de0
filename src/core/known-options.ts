import { SoftmarginError, show } from './errors.ts'
import { closestName } from './suggest.ts'

/**
 * Refuses options that a call does not know: a misspelt option that is ignored changes results unseen.
 *
 * @param known the names of the options
 * @param argument what the caller calls the options
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, with the closest name if one is near
 */
export function checkKnown(options: object, known: readonly string[], argument = 'options'): void {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const name = given.find(([each]) => !known.includes(each))?.[0]
  if (name === undefined) return
  const expected = `made of ${known.join(', ')}`
  const [near] = closestName(name, [...known], 1, 2)
  const hint = near === undefined ? '' : `; did you mean ${show(near)}?`
  const message = `${argument} must be ${expected}, but is ${show(name)}${hint}`
  throw new SoftmarginError('INVALID_ARGUMENT', message, { argument, received: name, expected })
}
