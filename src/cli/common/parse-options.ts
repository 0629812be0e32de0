import { InvalidArgumentError } from 'commander'

/** Parses a number. */
export function parseNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}

/** Parses a number above 0. */
export function parsePositive(text: string): number {
  const value = parseNumber(text)
  if (value <= 0) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

/** Parses an integer of 0 or more. */
export function parseCount(text: string): number {
  const value = parseNumber(text)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('It must be a whole number of 0 or more.')
  }
  return value
}

/** Parses a number of folds: an integer of 2 or more. */
export function parseFolds(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 2) return value
  throw new InvalidArgumentError('It must be a whole number of 2 or more.')
}

/** Parses the seed of a random generator: an integer in [0, 2^32). */
export function parseSeed(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value
  throw new InvalidArgumentError('It must be a whole number from 0 to 4294967295.')
}

/** Parses the share to hold out, in [0, 1); 0 holds out nothing. */
export function parseShare(text: string): number {
  const value = parseNumber(text)
  if (value < 0 || value >= 1) throw new InvalidArgumentError('It must be a share from 0 to below 1.')
  return value
}

/** Parses a number above 0 and below 1. */
export function parsePartialShare(text: string): number {
  const value = parseNumber(text)
  if (value <= 0 || value >= 1) throw new InvalidArgumentError('It must be a share above 0 and below 1.')
  return value
}

/** Parses `scale`, `auto` or a number above 0. */
export function parseGamma(text: string): 'scale' | 'auto' | number {
  if (text === 'scale' || text === 'auto') return text
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError("It must be 'scale', 'auto' or a number above 0.")
}

/** Parses the name of a layer, or its position from the end such as `-2`. */
export function parseLayer(text: string): string | number {
  return /^-[1-9]\d*$/.test(text) ? Number(text) : text
}

/** How activation maps are pooled, as the extractor expects it. */
export type PoolingOption = 'auto' | 'average' | 'max' | 'none' | { grid: number }

/** Parses `auto`, `average`, `max`, `none`, or a grid such as `2x2`. */
export function parsePooling(text: string): PoolingOption {
  if (text === 'auto' || text === 'average' || text === 'max' || text === 'none') return text
  const grid = /^([1-9]\d?)x\1$/.exec(text)
  if (grid) return { grid: Number(grid[1]) }
  throw new InvalidArgumentError("It must be 'auto', 'average', 'max', 'none' or a grid such as '2x2'.")
}

/** A parameter grid: the values to try for each parameter, or several such grids. */
export type GridOption = Record<string, unknown[]> | Record<string, unknown[]>[]

/** The grid that `--grid` without a value searches. */
export const defaultGrid: GridOption = {
  kernel: ['rbf'],
  C: [0.1, 1, 10, 100],
  gamma: ['scale', 0.001, 0.01],
}

/** Parses a grid from JSON such as `{"C": [1, 10]}`. Its parameters are validated by the search. */
export function parseGrid(text: string): GridOption {
  let grid: unknown
  try {
    grid = JSON.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`It must be JSON such as '{"C": [1, 10]}': ${(error as Error).message}.`)
  }
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  if (Array.isArray(grid) ? grid.length > 0 && grid.every(isObject) : isObject(grid))
    return grid as GridOption
  throw new InvalidArgumentError(`It must be JSON such as '{"C": [1, 10]}'.`)
}
