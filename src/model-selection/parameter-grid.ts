import { invalidArgument } from '../core/errors.ts'
import { unknownName } from '../core/known-options.ts'
import type { SvcOptions } from '../svm/svc.ts'

/**
 * For each parameter of `SVC` to vary, an array of values. Every combination is a candidate. The value `undefined`
 * stands for the parameter's default.
 */
export type ParamGrid = { readonly [Name in keyof SvcOptions]?: readonly SvcOptions[Name][] | undefined }

/**
 * Lists all combinations in the order of scikit-learn's `ParameterGrid`: names sorted, the last one varying fastest.
 * Several grids follow one another.
 *
 * @param known the allowed names
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for an unknown name (the message suggests the closest known one), and for
 *   values that are not an array, or are an empty one
 */
export function listCandidates(
  paramGrid: ParamGrid | readonly ParamGrid[],
  known: readonly string[],
): SvcOptions[] {
  const grids = Array.isArray(paramGrid) ? paramGrid : [paramGrid]
  if (grids.length === 0) throw invalidArgument('paramGrid', paramGrid, 'at least one grid')
  return grids.flatMap((grid, i) =>
    combine(grid, Array.isArray(paramGrid) ? `paramGrid[${i}]` : 'paramGrid', known),
  )
}

function combine(grid: ParamGrid, argument: string, known: readonly string[]): SvcOptions[] {
  if (grid === null || typeof grid !== 'object' || Array.isArray(grid)) {
    throw invalidArgument(argument, grid, 'an object of parameter names and arrays of values')
  }
  const given = Object.keys(grid).filter((name) => grid[name as keyof SvcOptions] !== undefined)
  const names = given.sort((a, b) => (a < b ? -1 : 1))
  let candidates: SvcOptions[] = [{}]
  for (const name of names) {
    if (!known.includes(name)) throw unknownName('parameter', name, known, argument)
    const values: unknown = grid[name as keyof SvcOptions]
    if (!Array.isArray(values) || values.length === 0) {
      throw invalidArgument(`${argument}.${name}`, values, 'an array of at least one value')
    }
    candidates = candidates.flatMap((candidate) => values.map((value) => ({ ...candidate, [name]: value })))
  }
  return candidates
}
