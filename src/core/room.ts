import { SoftmarginError } from './errors.ts'

/**
 * Makes room for numbers.
 *
 * @param what the numbers, for the message
 * @param advice what to do if there is no room
 * @param argument whose value asks for it
 * @throws {SoftmarginError} `OUT_OF_MEMORY` if they do not fit in memory
 */
export function roomFor<Room>(make: () => Room, what: string, advice: string, argument = 'images'): Room {
  try {
    return make()
  } catch (cause) {
    throw new SoftmarginError('OUT_OF_MEMORY', `${what} do not fit in memory; ${advice}`, { argument, cause })
  }
}
