// Labels keep their type from fit to predict.
import {
  type ConfusionMatrix,
  chooseLayer,
  classificationReport,
  confusionMatrix,
  crossValPredict,
  crossValScore,
  type Evaluation,
  FeatureStore,
  GridSearchCV,
  ImageClassifier,
  type Label,
  Matrix,
  readCsv,
  SVC,
  type SvcParameters,
  SvcPredictor,
  trainTestSplit,
} from 'softmargin'
import { expectType, show } from './assert.js'

type Kind = 'cat' | 'dog'
declare const X: number[][]
declare const kinds: Kind[]
declare const fixedKinds: readonly Kind[]
declare const texts: readonly string[]
declare const images: readonly string[]
declare const either: string[] | number[]

export async function svc() {
  const plain = new SVC()
  await plain.fit(X, kinds)
  expectType<Label[]>()(await plain.predict(X))
  const parameters: number = plain.getParams().C
  expectType<number>()(parameters)

  const typed = new SVC<Kind>({ C: 10 })
  await typed.fit(X, fixedKinds)
  expectType<Kind[]>()(await typed.predict(X))
  expectType<Kind[]>()(typed.classes)
  expectType<SVC<Kind>>()(typed.clone())
  expectType<SVC<Kind>>()(SVC.fromState(typed.toState()))
  expectType<SvcPredictor<Kind>>()(SvcPredictor.fromState(typed.toState()))
  // @ts-expect-error: a bird is neither a cat nor a dog.
  await typed.fit(X, ['cat', 'bird'])
  // @ts-expect-error: an arbitrary string is not a label.
  await typed.fit(X, texts)
  // The true labels of a score may be of any type.
  await typed.score(X, texts)

  expectType<SVC<Kind>>()(await new SVC().fit(X, kinds))
  expectType<SVC<Kind>>()(await new SVC().fit(X, fixedKinds))
  expectType<SVC<string>>()(await new SVC().fit(X, texts))
  expectType<SVC<number>>()(await new SVC().fit(X, new Int32Array(4)))
  expectType<SVC<string | number>>()(await new SVC().fit(X, either))
  const counted = [0, 1, 1, 0]
  expectType<SVC<number>>()(await new SVC().fit(X, counted))
  expectType<SVC<number>>()(await new SVC().fit(X, [0, 1, 1, 0]))
  expectType<SVC<string>>()(await new SVC().fit(X, ['cat', 'dog']))
  expectType<SVC<0 | 1>>()(await new SVC().fit(X, [0, 1, 1, 0] as const))
  expectType<SVC<Kind>>()(await new SVC<Kind>().fit(X, ['cat', 'dog']))
  // @ts-expect-error: labels are strings or numbers.
  await new SVC().fit(X, [true, false])

  // A classifier of known labels is also a classifier of any labels.
  const any: SVC = typed
  await new SVC().fit(X, texts, { warmStart: typed })
  expectType<SVC<number>>()(SVC.fromLibsvm(''))
  expectType<SVC<Kind>>()(await SVC.fromOnnx<Kind>(new Uint8Array()))
  expectType<SVC>()(await SVC.fromOnnx(new Uint8Array()))
  return any
}

export async function search() {
  const plain = new GridSearchCV(new SVC(), { C: [1, 10] as const, gamma: ['scale', 1] })
  await plain.fit(X, kinds)
  expectType<Label[]>()(await plain.predict(X))
  expectType<GridSearchCV<Kind>>()(await plain.fit(X, kinds))

  expectType<Float64Array>()(await crossValScore(new SVC<Kind>(), X, kinds, { scoring: 'f1Macro' }))
  expectType<Kind[]>()(await crossValPredict(new SVC<Kind>(), X, kinds, { cv: undefined }))
  expectType<Kind[]>()(await crossValPredict(new SVC(), X, fixedKinds))
  expectType<Matrix>()(await crossValPredict(new SVC<Kind>(), X, kinds, { method: 'decisionFunction' }))

  const typed = new GridSearchCV(new SVC<Kind>(), [{ kernel: ['linear'] }], {
    scoring: (yTrue: Kind[], yPred: Kind[]) => yTrue.filter((label, i) => label === yPred[i]).length,
  })
  expectType<SVC<Kind>>()(typed.bestEstimator)
  expectType<Kind[]>()(await typed.predict(X))
  // @ts-expect-error: the search only accepts labels of its type.
  await typed.fit(X, texts)
}

export async function classifier() {
  const plain = await ImageClassifier.create()
  await plain.fit(images, kinds)
  expectType<Label[]>()(await plain.predict(images))
  await plain.add(images, ['a new class'])
  const fitted = await plain.fit(images, fixedKinds, { cv: 3, scoring: (yTrue) => yTrue.length })
  expectType<ImageClassifier<Kind>>()(fitted)
  expectType<Kind[]>()(await fitted.predict(images))
  expectType<Evaluation<Kind>>()(await fitted.evaluate(images, kinds))
  expectType<Evaluation<Kind | 'bird'>>()(await fitted.evaluate(images, ['bird'] as const))
  expectType<ConfusionMatrix<Kind>>()((await fitted.evaluate(images, kinds)).confusionMatrix)

  const typed = await ImageClassifier.create<Kind>({ svm: { probability: true } })
  await typed.fit(images, kinds)
  await typed.add(images, fixedKinds)
  await typed.refit()
  // @ts-expect-error: a bird is neither a cat nor a dog.
  await typed.add(images, ['bird'])
  expectType<SVC<Kind>>()(typed.svm)
  expectType<Kind[]>()(typed.classes)
  const inferred: ImageClassifier<Kind> = await ImageClassifier.load('pictures.onnx')
  expectType<ImageClassifier<Kind>>()(await ImageClassifier.load<Kind>('pictures.onnx'))

  // Labels are null only if unreadable images may be skipped.
  const skip = { onUnreadable: (index: number) => show(index) }
  const some = {} as { onUnreadable?: (index: number) => void }
  expectType<Kind[]>()(await typed.predict(images, { batchSize: 8 }))
  expectType<Kind[]>()(await typed.predict(images, { onUnreadable: undefined }))
  expectType<(Kind | null)[]>()(await typed.predict(images, skip))
  expectType<(Kind | null)[]>()(await typed.predict(images, some))
  expectType<Kind[]>()((await typed.predictWithProba(images)).labels)
  expectType<(Kind | null)[]>()((await typed.predictWithProba(images, skip)).labels)
  const { labels } = await typed.predictWithProba(images, {
    onUnreadable: (index, error) => show(index.toFixed(), error.code),
  })
  expectType<(Kind | null)[]>()(labels)

  // With `unknown`, an answer may be null or its label, also without unreadable images.
  const careful = await ImageClassifier.create<Kind>({ unknown: { reject: 0.1 } })
  expectType<(Kind | null)[]>()(await careful.predict(images))
  expectType<(Kind | null)[]>()(await (await careful.fit(images, kinds)).predict(images))
  const named = await ImageClassifier.create({ unknown: { label: 'nothing' } })
  expectType<(Label | 'nothing')[]>()(await named.predict(images))
  const either = await ImageClassifier.create<Kind>({ unknown: images.length > 1 })
  expectType<(Label | null)[]>()(await either.predict(images))
  const never = await ImageClassifier.create<Kind>({ unknown: false })
  expectType<Kind[]>()(await never.predict(images))
  const kept = await ImageClassifier.load<Kind, null>('pictures.onnx')
  expectType<(Kind | null)[]>()((await kept.predictWithProba(images)).labels)
  return inferred
}

export async function others() {
  const split = trainTestSplit(images, fixedKinds, { stratify: true })
  expectType<Kind[]>()(split.yTrain)
  const [trainImages, , trainKinds, testKinds] = split
  expectType<string[]>()(trainImages)
  expectType<Kind[]>()(trainKinds)
  expectType<Kind[]>()(testKinds)
  expectType<Matrix>()(trainTestSplit(Matrix.from(X), texts).XTest)
  expectType<string[]>()(trainTestSplit(Matrix.from(X), texts).yTest)
  expectType<(string | number)[]>()(trainTestSplit(images, either).yTest)
  expectType<Label[]>()(trainTestSplit<string>(images, kinds).yTest)

  expectType<Kind[]>()(confusionMatrix(kinds, fixedKinds).labels)
  expectType<string[]>()(confusionMatrix(texts, kinds).labels)
  expectType<Label[]>()(confusionMatrix(either, either).labels)
  for (const { label } of classificationReport(kinds, kinds).classes) expectType<Kind>()(label)

  const store = await FeatureStore.open<Kind>('features.npz')
  expectType<(Kind | '')[]>()(store.labels)
  expectType<(Label | '')[]>()(FeatureStore.inMemory().labels)
  await ImageClassifier.create<Kind>({ store })
  await chooseLayer(images, fixedKinds, { layers: ['stage3', -1] as const, store })

  expectType<string[]>()((await readCsv('a.csv', { label: 'kind' })).y)
  expectType<number[]>()((await readCsv('a.csv', { label: 'kind', labels: 'number' })).y)
  expectType<Label[]>()((await readCsv('a.csv', { labels: 'text' as 'text' | 'number' })).y)
}

export function read({ C }: SvcParameters): number {
  return C
}
