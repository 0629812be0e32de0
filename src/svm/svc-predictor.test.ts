import { describe, expect, it } from 'vitest'
import { clouds } from '../../test/support/clouds.ts'
import { SVC } from './svc.ts'
import { SvcPredictor } from './svc-predictor.ts'

describe('an SvcPredictor', async () => {
  const { X, codes: y } = clouds(60, 3, 0)
  const svc = await new SVC({ probability: true }).fit(X, y)

  it('answers the same bits as the SVC', async () => {
    const predictor = SvcPredictor.fromState(svc.toState())
    expect(predictor.classes).toEqual(svc.classes)
    expect(await predictor.predict(X)).toEqual(await svc.predict(X))
    expect(await predictor.decisionFunction(X)).toEqual(await svc.decisionFunction(X))
    expect(await predictor.predictProba(X)).toEqual(await svc.predictProba(X))
  })

  it('reads a LIBSVM model as SVC does', async () => {
    const text = svc.toLibsvm()
    const predictor = SvcPredictor.fromLibsvm(text)
    expect(await predictor.decisionFunction(X, { shape: 'ovo' })).toEqual(
      await SVC.fromLibsvm(text).decisionFunction(X, { shape: 'ovo' }),
    )
    expect(() => SvcPredictor.fromLibsvm('svm_type one_class')).toThrow(/line 'SV'/)
  })

  it('answers no more after dispose', async () => {
    const predictor = SvcPredictor.fromState(svc.toState())
    predictor.dispose()
    predictor.dispose()
    await expect(predictor.predict(X)).rejects.toMatchObject({ code: 'DISPOSED' })
    expect(await svc.predict(X)).toHaveLength(y.length)
  })

  it('has no probabilities that the machine has not', async () => {
    const plain = await new SVC().fit(X, y)
    const predictor = SvcPredictor.fromState(plain.toState())
    await expect(predictor.predictProba(X)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})
