import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

/**
 * Reads the command line of a bench. If it does not give what the bench needs, prints the usage and ends with exit code 2.
 *
 * @param usage the arguments as the usage names them, with the name of the bench
 * @param defaults the flags and their defaults, which tell how values are read: a number, a list of numbers with commas
 *   between them, `false` for a switch, an empty list for a flag that may be given several times, otherwise text
 * @param takes whether the arguments behind the folder that are not flags are those needed (default: none)
 * @returns `folder`, the `others` behind it, and `flags`
 */
export function commandLine(usage, defaults, takes = (others) => others.length === 0) {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [
      name,
      { type: value === false ? 'boolean' : 'string', multiple: isRepeated(value) },
    ]),
  )
  const { values, positionals } = parseArgs({ allowPositionals: true, options })
  const [folder, ...others] = positionals
  if (folder === undefined || !takes(others)) {
    console.error(`usage: node bench/${usage}`)
    process.exit(2)
  }
  const read = ([name, value]) => [name, name in values ? valueLike(value, values[name]) : value]
  return { folder, others, flags: Object.fromEntries(Object.entries(defaults).map(read)) }
}

const isRepeated = (value) => Array.isArray(value) && value.length === 0

/** The value of a flag, read as its default tells. */
function valueLike(value, text) {
  if (typeof value === 'number') return Number(text)
  return Array.isArray(value) && !isRepeated(value) ? text.split(',').map(Number) : text
}

/** Writes results as JSON to the file that a flag names, if it does. */
export function writeJson(results, file, replacer) {
  if (file) writeFileSync(file, `${JSON.stringify(results, replacer, 2)}\n`)
}

/** For `writeJson`: numbers with five digits. */
export const fiveDigits = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value)
