import { InvalidArgumentError } from 'commander'
import type { ClassifierFineTune } from '../../classifier/image-classifier.ts'

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
    throw new InvalidArgumentError('It must be an integer of 0 or more.')
  }
  return value
}

/** Parses a number of threads: an integer of 1 or more. */
export function parseThreads(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('It must be a whole number of 1 or more.')
}

/** Parses an integer of 1 or more. */
export function parsePositiveCount(text: string): number {
  const value = parseCount(text)
  if (value === 0) throw new InvalidArgumentError('It must be an integer of 1 or more.')
  return value
}

/** Parses a number of folds: an integer of 2 or more. */
export function parseFolds(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 2) return value
  throw new InvalidArgumentError('It must be an integer of 2 or more.')
}

/** Parses the seed of a random generator: an integer in [0, 2^32). */
export function parseSeed(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value
  throw new InvalidArgumentError('It must be an integer from 0 to 4294967295.')
}

/** Parses the share to hold out, in [0, 1); 0 holds out nothing. */
export function parseShare(text: string): number {
  const value = parseNumber(text)
  if (value < 0 || value >= 1)
    throw new InvalidArgumentError('It must be a number of at least 0 and below 1.')
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
export type PoolingOption = 'auto' | 'average' | 'max' | 'cls' | 'none' | { grid: number }

/** Poolings without parameters. */
const poolingNames = ['auto', 'average', 'max', 'cls', 'none'] as const

/** Parses `auto`, `average`, `max`, `cls`, `none`, or a grid such as `2x2`. */
export function parsePooling(text: string): PoolingOption {
  const name = poolingNames.find((one) => one === text)
  if (name) return name
  const grid = /^([1-9]\d?)x\1$/.exec(text)
  if (grid) return { grid: Number(grid[1]) }
  throw new InvalidArgumentError(
    "It must be 'auto', 'average', 'max', 'cls', 'none' or a grid such as '2x2'.",
  )
}

/** A parameter grid: the values to try for each parameter, or several such grids. */
export type GridOption = Record<string, unknown[]> | Record<string, unknown[]>[]

/** The grid that `--grid` without a value searches. */
export const defaultGrid: GridOption = {
  kernel: ['rbf'],
  C: [0.3, 3, 30, 300],
  gamma: ['scale', 0.001, 0.01],
}

/** Parses `--fine-tune`, whose options are JSON. */
export function parseFineTune(text: string): ClassifierFineTune {
  try {
    const options: unknown = JSON.parse(text)
    if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options
  } catch (error) {
    throw new InvalidArgumentError(`It must be JSON such as '{"epochs": 5}': ${(error as Error).message}.`)
  }
  throw new InvalidArgumentError(`It must be JSON such as '{"epochs": 5}'.`)
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
