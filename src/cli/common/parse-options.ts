import { InvalidArgumentError } from 'commander'

/** Reads a number out of an argument. */
export function parseNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}

/** Reads a number above 0. */
export function parsePositive(text: string): number {
  const value = parseNumber(text)
  if (value <= 0) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

/** Reads a whole number of 0 or more. */
export function parseCount(text: string): number {
  const value = parseNumber(text)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('It must be a whole number of 0 or more.')
  }
  return value
}

/** Reads a number of folds. */
export function parseFolds(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 2) return value
  throw new InvalidArgumentError('It must be a whole number of 2 or more.')
}

/** Reads the seed of a random choice. */
export function parseSeed(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value
  throw new InvalidArgumentError('It must be a whole number from 0 to 4294967295.')
}

/** Reads the share that is held out: from 0, nothing, to below 1. */
export function parseShare(text: string): number {
  const value = parseNumber(text)
  if (value < 0 || value >= 1) throw new InvalidArgumentError('It must be a share from 0 to below 1.')
  return value
}

/** Reads `scale`, `auto` or a number above 0. */
export function parseGamma(text: string): 'scale' | 'auto' | number {
  if (text === 'scale' || text === 'auto') return text
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError("It must be 'scale', 'auto' or a number above 0.")
}

/** Reads the name of a layer, or its place from the end such as `-2`. */
export function parseLayer(text: string): string | number {
  return /^-[1-9]\d*$/.test(text) ? Number(text) : text
}

/** How a map of activations is pooled, as the extractor takes it. */
export type PoolingOption = 'auto' | 'average' | 'max' | 'none' | { grid: number }

/** Reads `auto`, `average`, `max`, `none`, or a grid such as `2x2`. */
export function parsePooling(text: string): PoolingOption {
  if (text === 'auto' || text === 'average' || text === 'max' || text === 'none') return text
  const grid = /^([1-9]\d?)x\1$/.exec(text)
  if (grid) return { grid: Number(grid[1]) }
  throw new InvalidArgumentError("It must be 'auto', 'average', 'max', 'none' or a grid such as '2x2'.")
}

/** A grid to search: the values to try for each parameter, or several such lists. */
export type GridOption = Record<string, unknown[]> | Record<string, unknown[]>[]

/** What `--grid` alone searches. */
export const defaultGrid: GridOption = {
  kernel: ['rbf'],
  C: [0.1, 1, 10, 100],
  gamma: ['scale', 0.001, 0.01],
}

/** Reads a grid out of JSON such as `{"C": [1, 10]}`. What may stand in it, the search checks. */
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
