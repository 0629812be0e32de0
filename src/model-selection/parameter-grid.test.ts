import { expect, test } from 'vitest'
import selection from '../../test/fixtures/svm/selection.json' with { type: 'json' }
import { listCandidates, type ParamGrid } from './parameter-grid.ts'

const known = ['kernel', 'C', 'gamma']

test.each(selection.paramGrids)('has the order of scikit-learn: $paramGrid', ({ paramGrid, params }) => {
  expect(listCandidates(paramGrid as ParamGrid | ParamGrid[], known)).toEqual(params)
})

test('rejects invalid grids and names the parameter', () => {
  expect(() => listCandidates({ Gamma: [1] } as never, known)).toThrow(
    "unknown parameter 'Gamma' in paramGrid; did you mean 'gamma'?",
  )
  expect(() => listCandidates([{ penalty: [1] }] as never, known)).toThrow(
    "unknown parameter 'penalty' in paramGrid[0]; the parameters are kernel, C, gamma",
  )
  expect(() => listCandidates([{ C: [1] }, { C: [] }], known)).toThrow(
    'paramGrid[1].C must be an array of at least one',
  )
  expect(() => listCandidates({ C: 1 } as never, known)).toThrow(
    'paramGrid.C must be an array of at least one value',
  )
  expect(() => listCandidates([], known)).toThrow('paramGrid must be at least one grid')
  expect(() => listCandidates(null as never, known)).toThrow('paramGrid must be an object')
})
