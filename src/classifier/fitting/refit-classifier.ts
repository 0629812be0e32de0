import { SoftmarginError } from '../../core/errors.ts'
import { checkLabels } from '../../core/label-codes.ts'
import { type Label, uniqueLabels } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import { type ClassifierRefitOptions, checkImages, type ImagesCall } from '../classifier-options.ts'
import { type ClassifierState, type Fitted, fittedOf } from '../classifier-state.ts'
import type { Extracted } from '../image-features.ts'
import { backgroundRows } from '../review/background-score.ts'
import { joinTrainingSets, type TrainingSet, trainingSetFrom } from '../training-set.ts'
import { comparedFeatures } from './features-of-fit.ts'
import { replaceFitted } from './fit-classifier.ts'
import { fitSvm } from './fit-svm.ts'

/** Adds labelled images for the next refit; see `ImageClassifier.add`. */
export async function addImages<L extends Label>(
  state: ClassifierState<L>,
  images: readonly ImageInput[],
  labels: ArrayLike<L>,
  o: ImagesCall,
): Promise<void> {
  const { trainingSet } = await refittableOf(state)
  checkImages(images)
  checkLabels(labels, images.length, 'labels', 'images')
  uniqueLabels<Label>([trainingSet.labels[0], ...Array.from(labels)], 'labels')
  await keepImages(state, await state.source.extract(images, o, labels), images, labels, o)
}

/** Keeps labelled images, whose features are extracted, for the next refit. */
export async function keepImages<L extends Label>(
  state: ClassifierState<L>,
  { features, keys, read }: Extracted,
  images: readonly ImageInput[],
  labels: ArrayLike<L>,
  o: ImagesCall,
): Promise<void> {
  const { trainingSet } = fittedOf(state)
  const compared = trainingSet?.compared && (await comparedFeatures(state.source, images, read, o))
  fittedOf(state)
  state.added.push({ ...trainingSetFrom({ features, keys, read }, labels, undefined, compared), features })
}

/** Fits a classifier on the images of the last fit and those added since; see `ImageClassifier.refit`. */
export async function refitClassifier<L extends Label>(
  state: ClassifierState<L>,
  o: ClassifierRefitOptions,
): Promise<void> {
  const { svc, scaler, search, rankedLayers, trainingSet, features, ...last } = await refittableOf(state)
  const added = [...state.added]
  const all = joinTrainingSets([trainingSet, ...added], [features, ...added.map((part) => part.features)])
  const groups = o.groups ? Array.from(o.groups) : added.length === 0 ? last.groups : undefined
  if (groups) checkLabels(groups, all.labels.length, 'groups', 'images')
  // Keep the fitted scaler: refitting it would change every old row and make the old dual solution useless
  // as a start.
  const extras = { probability: state.probability, unknown: state.unknown }
  const background = last.known && backgroundRows(last.known.numbers)
  const given = {
    ...{ features: all.features, scaler, labels: all.labels, background },
    ...{ unseen: all.unseen, compared: all.compared },
    ...extras,
  }
  const fitted = await fitSvm(svc, given, undefined, { ...o, groups, warmStart: svc })
  const since = state.added.slice(added.length)
  replaceFitted(state, { ...fitted, search, scaler, rankedLayers, groups, trainingSet: all })
  state.added = since
}

/** The fitted state with its training features; after `load`, the features are read from the store. */
export async function refittableOf<L extends Label>(
  state: ClassifierState<L>,
): Promise<Fitted<L> & { trainingSet: TrainingSet<L>; features: Matrix }> {
  const fitted = fittedOf(state)
  const { trainingSet } = fitted
  if (trainingSet?.features) return { ...fitted, trainingSet, features: trainingSet.features }
  if (!trainingSet?.keys || !state.source.store) {
    const missing = trainingSet?.keys
      ? 'needs the feature store that it was fitted with: load(source, { store })'
      : 'does not know its training images, because it was fitted without a feature store; call fit(images, labels) first'
    const message = `this ImageClassifier was loaded from a file and ${missing}`
    throw new SoftmarginError('NOT_FITTED', message, { argument: 'store', expected: 'a FeatureStore' })
  }
  const features = await state.source.ofKeys(trainingSet.keys)
  fittedOf(state)
  return { ...fitted, trainingSet, features }
}
