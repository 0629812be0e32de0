// The same types in a worker.
import type { Explanation, Label, Matrix, Suspect, SVC } from 'softmargin'
import { type RemoteObject, spawn } from 'softmargin/worker'
import { expectType, show } from './assert.js'

type Kind = 'cat' | 'dog'
declare const X: number[][]
declare const kinds: readonly Kind[]
declare const images: readonly string[]

export async function remote() {
  const worker = await spawn({ threads: undefined })
  const svc = new worker.SVC({ C: 10, transfer: true })
  await svc.fit(X, kinds, { transfer: true, onProgress: ({ gap }) => show(gap.toFixed()) })
  expectType<Promise<Label[]>>()(svc.predict(X))
  expectType<RemoteObject<SVC<Kind>>>()(await new worker.SVC().fit(X, kinds))
  const typed = new worker.SVC<Kind>()
  expectType<Kind[]>()(await typed.predict(X))
  expectType<Kind[]>()(await typed.classes)
  expectType<Matrix>()(await typed.decisionFunction(X, { shape: 'ovo' }))
  expectType<RemoteObject<SVC<Kind>>>()(await worker.SVC.fromState(await typed.toState()))
  // @ts-expect-error: a bird is neither a cat nor a dog.
  await typed.fit(X, ['bird'])

  const search = new worker.GridSearchCV(typed, { C: [1, 10] }, { cv: new worker.StratifiedKFold() })
  await search.fit(X, kinds)
  expectType<Kind[]>()(await search.predict(X))
  expectType<RemoteObject<SVC<Kind>>>()(await search.bestEstimator)

  const store = await worker.FeatureStore.open<Kind>('features')
  expectType<(Kind | '')[]>()(await store.labels)
  const classifier = await worker.ImageClassifier.create<Kind>({ store, svm: typed, scale: undefined })
  expectType<Kind[]>()(await (await classifier.fit(images, kinds)).predict(images))
  expectType<(Kind | null)[]>()(await classifier.predict(images, { onUnreadable: () => {} }))
  expectType<(Kind | null)[]>()(
    (await classifier.predictWithProba(images, { onUnreadable: () => {} })).labels,
  )
  expectType<Kind[]>()((await classifier.predictWithProba(images, { transfer: true })).labels)
  expectType<Suspect<Kind>[]>()(await classifier.suspects())
  expectType<Explanation<Kind>>()(await classifier.explain('cat.jpg', { label: 'cat' }))
  // @ts-expect-error: a bird is neither a cat nor a dog.
  await classifier.explain('cat.jpg', { label: 'bird' })
  expectType<Matrix>()(await classifier.decisionFunction(images, { shape: 'ovo' }))
  expectType<Kind[]>()(await (await worker.ImageClassifier.load<Kind>('pictures.onnx')).classes)
  await worker.chooseLayer(images, kinds, { svm: typed })
  expectType<Float64Array>()(
    await worker.crossValScore(typed, X, kinds, { cv: new worker.StratifiedKFold() }),
  )
  expectType<Kind[]>()(await worker.crossValPredict(typed, X, kinds))
  expectType<Kind[]>()(await worker.crossValPredict(new worker.SVC(), X, kinds))
  expectType<Matrix>()(await worker.crossValPredict(typed, X, kinds, { method: 'decisionFunction' }))
  await typed.dispose()
  await worker.dispose()
}
