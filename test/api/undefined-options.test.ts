import { expect, it } from 'vitest'
import * as softmargin from '../../src/index.ts'

const {
  FeatureExtractor,
  GridSearchCV,
  ImageClassifier,
  Normalizer,
  OneClassSVM,
  StratifiedKFold,
  SVC,
  SVR,
} = softmargin
const X = [[0], [1], [2], [3], [4], [5], [6], [7]]
const y = [0, 0, 0, 0, 1, 1, 1, 1]

/** An object with these properties, all undefined. */
const unset = (...names: string[]) => Object.fromEntries(names.map((name) => [name, undefined]))
const svmOptions = ['kernel', 'gamma', 'degree', 'coef0', 'tol', 'maxIter', 'cacheSize', 'simd']
const call = ['signal', 'onProgress', 'batchSize', 'onUnreadable']

it('treats undefined options as omitted', async () => {
  const svc = new SVC(unset(...svmOptions, 'C', 'classWeight', 'probability', 'randomState', 'threads'))
  expect(svc.getParams()).toEqual(new SVC().getParams())
  await svc.fit(X, y, unset('sampleWeight', 'warmStart', 'signal', 'onProgress'))
  await svc.predict(X, unset('signal', 'onProgress'))
  await svc.decisionFunction(X, unset('shape'))
  expect(new SVR(unset(...svmOptions, 'C', 'epsilon')).getParams()).toEqual(new SVR().getParams())
  expect(new OneClassSVM(unset(...svmOptions, 'nu')).getParams()).toEqual(new OneClassSVM().getParams())
  expect(new Normalizer(unset('norm')).norm).toBe('l2')
  expect(new StratifiedKFold(unset('nSplits', 'shuffle', 'randomState')).nSplits).toBe(5)
  const grid = { C: [1], ...unset('gamma', 'kernel') }
  const search = new GridSearchCV(svc, grid, { ...unset('scoring', 'refit'), cv: 2 })
  await search.fit(X, y, unset('signal', 'onProgress', 'groups', 'onWarning'))
  expect(search.cvResults.params).toEqual([{ C: 1 }])
  const folds = {
    ...unset('scale', 'signal', 'onProgress', 'scoring', 'method', 'shape', 'groups'),
    cv: 2,
  }
  expect(await softmargin.crossValScore(svc, X, y, folds)).toHaveLength(2)
  expect(await softmargin.crossValPredict(svc, X, y, folds)).toHaveLength(y.length)
  softmargin.trainTestSplit(X, y, unset('testSize', 'stratify', 'groups', 'randomState'))
  softmargin.confusionMatrix(y, y, unset('labels'))
  softmargin.formatClassificationReport(
    softmargin.classificationReport(y, y, unset('labels')),
    unset('digits'),
  )
  const csv = new TextEncoder().encode('a,b\n1,2\n')
  const table = ['delimiter', 'label', 'labels', 'columns', 'batchSize', 'signal']
  expect((await softmargin.readCsv(csv, unset(...table))).columns).toEqual(['a', 'b'])
  const text = softmargin.writeSvmlight(softmargin.Matrix.from(X), y)
  await softmargin.readSvmlight(text, unset('columns', 'zeroBased', 'signal'))
})

it('treats undefined image options as omitted', async () => {
  const places = [
    'model',
    'externalData',
    'download',
    'onProgress',
    'layer',
    'signal',
    'threads',
    'onWarning',
  ]
  const looks = ['pooling', 'mirror', 'shift', 'device']
  const preprocess = unset('size', 'crop', 'mean', 'std', 'rescale', 'resample', 'order')
  using extractor = await FeatureExtractor.create({ ...unset(...places, ...looks), preprocess })
  using usual = await FeatureExtractor.create()
  expect(extractor.describe()).toEqual(usual.describe())
  const images = y.map((label, i) => ({
    data: new Uint8Array(32 * 32).fill(label * 200 + i),
    width: 32,
    height: 32,
    channels: 1 as const,
  }))
  await extractor.extractLayers(images, [unset('layer', 'pooling')], unset(...call))
  using classifier = await ImageClassifier.create({
    extractor,
    ...unset('svm', 'scale', 'probability', 'store'),
  })
  await classifier.fit(images, y, unset(...call, 'grid', 'cv', 'scoring', 'groups', 'onWarning'))
  await classifier.evaluate(images, y, unset(...call, 'add'))
  await classifier.nearDuplicates(unset('signal', 'onProgress', 'similarity'))
  await softmargin.nearDuplicates(X, unset('signal', 'onProgress', 'similarity'))
  expect(await classifier.predict(images, unset(...call))).toEqual(y)
  const options = unset(...call, 'layers', 'poolings', 'svm', 'scale', 'store')
  await softmargin.chooseLayer(images, y, { ...options, extractor, cv: 2, layers: ['stage4'] })
  const saved = await classifier.save()
  const loaded = await ImageClassifier.load(
    saved,
    unset('signal', 'threads', 'download', 'onProgress', 'store'),
  )
  expect(await loaded.predict(images)).toEqual(y)
  loaded.dispose()
})
