import { describe, expect, it } from 'vitest'
import { clouds } from '../../test/support/clouds.ts'
import { Matrix } from '../core/matrix.ts'
import { SVC } from './public-svc.ts'
import { SvcPredictor } from './svc-predictor.ts'

describe('an SvcPredictor', async () => {
  const { X, codes: y } = clouds(60, 3, 0)
  const svc = await new SVC({ probability: true }).fit(X, y)

  it('gives the same bits as the SVC', async () => {
    const predictor = SvcPredictor.fromState(svc.toState())
    expect(predictor.classes).toEqual(svc.classes)
    expect(await predictor.predict(X)).toEqual(await svc.predict(X))
    expect(await predictor.decisionFunction(X)).toEqual(await svc.decisionFunction(X))
    expect(await predictor.predictProba(X)).toEqual(await svc.predictProba(X))
  })

  it('reads a LIBSVM model like SVC', async () => {
    const text = svc.toLibsvm()
    const predictor = SvcPredictor.fromLibsvm(text)
    expect(await predictor.decisionFunction(X, { shape: 'ovo' })).toEqual(
      await SVC.fromLibsvm(text).decisionFunction(X, { shape: 'ovo' }),
    )
    expect(() => SvcPredictor.fromLibsvm('svm_type one_class')).toThrow(/line 'SV'/)
  })

  it('throws DISPOSED after dispose', async () => {
    const predictor = SvcPredictor.fromState(svc.toState())
    predictor.dispose()
    predictor.dispose()
    await expect(predictor.predict(X)).rejects.toMatchObject({ code: 'DISPOSED' })
    expect(await svc.predict(X)).toHaveLength(y.length)
  })

  it('throws for probabilities if the model has none', async () => {
    const plain = await new SVC().fit(X, y)
    const predictor = SvcPredictor.fromState(plain.toState())
    await expect(predictor.predictProba(X)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('many short calls in succession', () => {
  it('let the event loop run, like one long call', async () => {
    const rows = 1500
    const cols = 800
    const X = new Matrix(
      Float32Array.from({ length: rows * cols }, (_, i) => Math.sin(i * 78.233)),
      rows,
      cols,
    )
    const svc = await new SVC().fit(
      X,
      Array.from({ length: rows }, (_, i) => (i * 7) % 3),
    )
    const some = Array.from({ length: 300 }, (_, i) => X.select([i]))
    await svc.predict(some[0])
    let turns = 0
    const tick = () => {
      turns++
      timer = setImmediate(tick)
    }
    let timer = setImmediate(tick)
    const began = performance.now()
    await Promise.all(some.map((row) => svc.predict(row)))
    clearImmediate(timer)
    // A slice is 16 ms.
    expect(turns).toBeGreaterThanOrEqual(Math.floor((performance.now() - began) / 40))
    expect(turns).toBeGreaterThan(1)
  })
})
