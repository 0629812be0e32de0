import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { checkKnownOptions } from '../core/known-options.ts'
import type { ClassifierOptions, UnknownOptions, UnknownSettings } from './classifier-options.ts'

/** Validates the option `unknown` and fills in defaults. @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkUnknown(unknown: ClassifierOptions['unknown']): UnknownSettings | undefined {
  if (unknown === undefined || unknown === false) return undefined
  if (unknown !== true && (unknown === null || typeof unknown !== 'object')) {
    throw invalidArgument('unknown', unknown, 'true, false or an object such as { reject: 0.05 }')
  }
  const given: UnknownOptions = unknown === true ? {} : unknown
  checkKnownOptions(given, ['reject', 'label', 'background'])
  const { reject = 0.05, label = null, background } = given
  if (!(typeof reject === 'number' && reject > 0 && reject < 1)) {
    throw invalidArgument('unknown.reject', reject, 'a share above 0 and below 1')
  }
  if (label !== null && typeof label !== 'string' && !Number.isFinite(label)) {
    throw invalidArgument('unknown.label', label, 'a text, a number or null')
  }
  if (background !== undefined && background !== 'default') checkBackground(background)
  return { reject, label, background }
}

/** Fewer pictures say too little about what other pictures look like: see bench/unknown.js. */
const LEAST_BACKGROUND = 100

/** @throws {SoftmarginError} `INVALID_ARGUMENT`, `TOO_FEW_ROWS` */
function checkBackground(background: unknown): void {
  const argument = 'unknown.background'
  if (!Array.isArray(background)) {
    throw invalidArgument(argument, background, "'default' or an array of images")
  }
  if (background.length >= LEAST_BACKGROUND) return
  const message = `${argument} must hold at least ${LEAST_BACKGROUND} images, but holds ${background.length}`
  throw new SoftmarginError('TOO_FEW_ROWS', message, {
    argument,
    received: background.length,
    expected: `at least ${LEAST_BACKGROUND} images`,
  })
}
