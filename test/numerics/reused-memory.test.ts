import { expect, test } from 'vitest'
import { Engine } from '../../src/engine/wasm/engine.ts'
import { GridSearchCV } from '../../src/model-selection/grid-search.ts'
import { OneClassSVM } from '../../src/svm/one-class-svm.ts'
import { SVC } from '../../src/svm/svc.ts'
import { SVR } from '../../src/svm/svr.ts'
import { clouds } from '../support/clouds.ts'

// Class sizes that need padding.
const { X, codes: y } = clouds(157, 4, 0)
const kernels = ['rbf', 'linear', 'poly', 'sigmoid'] as const

/** Leaves an engine for reuse whose memory is filled with this value. */
async function leaveMemory(value: number): Promise<void> {
  const engine = await Engine.open('strict')
  const numbers = 2 ** 22 / 4
  engine.float32(engine.allocate(numbers * 4), numbers).fill(value)
  engine.close()
}

/** The result of a call in memory that was filled with this value. */
async function resultsIn(value: number, call: () => Promise<unknown>): Promise<unknown> {
  await leaveMemory(value)
  return call()
}

const calls: [string, () => Promise<unknown>][] = [
  ...kernels.map((kernel): [string, () => Promise<unknown>] => [
    `SVC, ${kernel}`,
    async () => (await new SVC({ kernel, probability: true }).fit(X, y)).toState(),
  ]),
  ...kernels.map((kernel): [string, () => Promise<unknown>] => [
    `a search, ${kernel}`,
    async () => {
      const grid = { C: [0.1, 1, 10], kernel: [kernel], gamma: [0.1, 10] }
      return (await new GridSearchCV(new SVC(), grid, { cv: 3, refit: false }).fit(X, y)).cvResults
    },
  ]),
  ['SVR', async () => (await new SVR().fit(X, y)).toState()],
  ['OneClassSVM', async () => (await new OneClassSVM().fit(X)).toState()],
]

test.each(calls)('earlier contents of reused memory do not affect the result: %s', async (_, call) => {
  const expected = await resultsIn(0, call)
  expect(await resultsIn(Number.NaN, call)).toEqual(expected)
  expect(await resultsIn(1e30, call)).toEqual(expected)
})

test('earlier contents of reused memory do not affect predictions', async () => {
  for (const kernel of kernels) {
    const svc = await new SVC({ kernel }).fit(X, y)
    const predict = () => SVC.fromState(svc.toState()).decisionFunction(X)
    const expected = await resultsIn(0, predict)
    expect(await resultsIn(Number.NaN, predict)).toEqual(expected)
  }
})
