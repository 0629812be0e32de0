// What a classifier tells of the images that it has learnt from.

import type { LongCall } from '../../core/call-options.ts'
import { invalidArgument } from '../../core/errors.ts'
import { checkLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'
import type { LearningCurve, LearningCurveOptions } from '../../model-selection/learning-curve.ts'
import type { ClassifierProgress, DuplicateImages, SuspectsOptions } from '../classifier-options.ts'
import type { ClassifierState } from '../classifier-state.ts'
import type { LeftOutImages } from '../review/leave-images-out.ts'
import type { Suspect } from '../review/suspects.ts'
import { joinTrainingSets } from '../training-set.ts'
import { refittableOf } from './refit-classifier.ts'

/** See `ImageClassifier.suspects`. */
export async function suspectsOf<L extends Label>(
  state: ClassifierState<L>,
  o: SuspectsOptions,
): Promise<Suspect<L>[]> {
  const { svc, scaler, trainingSet, features, ...last } = await refittableOf(state)
  const { groups = last.groups } = o
  if (groups) checkLabels(groups, features.rows, 'groups', 'images')
  const { suspectRows } = await import('../review/suspects.ts')
  return suspectRows(svc, scaler.kind, features, trainingSet.labels, {
    groups,
    signal: o.signal,
    onProgress: (p) => o.onProgress?.({ stage: 'svm', ...p }),
  })
}

/** See `ImageClassifier.leaveOneOut`. */
export async function leaveOneOutOf<L extends Label>(
  state: ClassifierState<L>,
  o: LongCall<ClassifierProgress>,
): Promise<LeftOutImages<L>> {
  const { svc, scaler, trainingSet, features, groups } = await refittableOf(state)
  if (groups) {
    throw invalidArgument('groups', groups, 'undefined for leaveOneOut, which leaves out single images')
  }
  if (state.source.extractor.tuning?.kept && !trainingSet.unseen) {
    const expected = 'above 0 for leaveOneOut, since a CNN finds the images that it has learnt from too easy'
    throw invalidArgument('fineTune.validation', 0, expected)
  }
  const { leaveImagesOut } = await import('../review/leave-images-out.ts')
  return leaveImagesOut(svc, await scaler.transform(features), trainingSet.labels, {
    unseen: trainingSet.unseen,
    signal: o.signal,
    onProgress: (p) => o.onProgress?.({ stage: 'svm', ...p }),
  })
}

/** See `ImageClassifier.learningCurve`. */
export async function learningCurveOf<L extends Label>(
  state: ClassifierState<L>,
  o: LongCall<ClassifierProgress> & Pick<LearningCurveOptions, 'extrapolateTo' | 'cv' | 'groups'>,
): Promise<LearningCurve> {
  const { svc, scaler, trainingSet, features, ...last } = await refittableOf(state)
  const { learningCurve } = await import('../../model-selection/learning-curve.ts')
  return learningCurve(svc, features, trainingSet.labels, {
    ...o,
    groups: o.groups ?? last.groups,
    scale: scaler.kind,
    onProgress: (p) => o.onProgress?.({ stage: 'svm', ...p }),
  })
}

/** See `ImageClassifier.nearDuplicates`. */
export async function duplicatesOf<L extends Label>(
  state: ClassifierState<L>,
  o: LongCall<ClassifierProgress> & { similarity?: number | undefined },
): Promise<DuplicateImages<L>[]> {
  const { trainingSet, features } = await refittableOf(state)
  const added = [...state.added]
  const all = joinTrainingSets([trainingSet, ...added], [features, ...added.map((part) => part.features)])
  const { nearDuplicates } = await import('../../model-selection/near-duplicates.ts')
  const { pairs } = await nearDuplicates(all.features, {
    similarity: o.similarity,
    signal: o.signal,
    onProgress: (p) => o.onProgress?.({ stage: 'duplicates', ...p }),
  })
  return pairs.map(({ rows: [a, b], similarity }) => ({
    indices: [a, b],
    labels: [all.labels[a], all.labels[b]],
    similarity,
  }))
}
