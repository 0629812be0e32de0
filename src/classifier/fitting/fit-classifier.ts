import { checkClasses, checkLabels } from '../../core/label-codes.ts'
import { type Label, uniqueLabels } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import { fitFeatureScaler } from '../../preprocessing/fit-feature-scaler.ts'
import {
  type ClassifierFitOptions,
  checkImages,
  type ImagesCall,
  type UnknownSettings,
} from '../classifier-options.ts'
import { type ClassifierState, checkAlive, type Fitted } from '../classifier-state.ts'
import type { ImageFeatures } from '../image-features.ts'
import { trainingSetFrom } from '../training-set.ts'
import { comparedFeatures, fineTuned, type LayerJudge, withBestLayer } from './features-of-fit.ts'
import { fitSvm, searchFor, searchOnHeldOut, unseenRows } from './fit-svm.ts'
import { warnOfLabels, warnOfSeenImages } from './label-warnings.ts'

/** Fits a classifier on labelled images; see `ImageClassifier.fit`. If it throws, the state is as before. */
export async function fitClassifier<L extends Label>(
  state: ClassifierState<L>,
  images: readonly ImageInput[],
  labels: ArrayLike<L>,
  o: ClassifierFitOptions<L>,
): Promise<void> {
  checkAlive(state)
  checkImages(images)
  checkLabels(labels, images.length, 'labels', 'images')
  checkClasses(uniqueLabels(labels, 'labels'), 'labels')
  if (o.groups !== undefined) checkLabels(o.groups, images.length, 'groups', 'images')
  const extras = { probability: state.probability, unknown: state.unknown }
  const planned = await searchFor<L>(state.template, images, labels, o, extras)
  warnOfLabels(labels, o.onWarning)
  const chosen = state.auto && (await withBestLayer(state.frozen, images, labels, judgeOf(state), o))
  const frozen = chosen?.source ?? state.frozen
  let source = frozen
  try {
    if (state.fineTune) source = await fineTuned(frozen, images, labels, state.fineTune, o)
    const known = source === frozen ? chosen?.extracted : undefined
    const extracted = known ?? (await source.extract(images, o, labels))
    const unseen = unseenRows(source, extracted.read)
    const isAllSeen = source.extractor.tuning?.kept === true && unseen === undefined
    if (isAllSeen && (state.probability || state.unknown)) warnOfSeenImages(o.onWarning)
    const isJudged = planned !== undefined || state.probability === true
    const compared = isJudged ? await comparedFeatures(source, images, extracted.read, o) : undefined
    const trainingSet = trainingSetFrom<L>(extracted, labels, unseen, compared)
    checkClasses(uniqueLabels(trainingSet.labels, 'labels'), 'labels')
    const search = await searchOnHeldOut(planned, trainingSet, (cv) =>
      searchFor<L>(state.template, images, labels, { ...o, cv }, extras),
    )
    const scaler = await fitFeatureScaler(state.scale, extracted.features)
    const background = await backgroundOf(state.unknown, source, o)
    const given = {
      ...{ features: extracted.features, scaler, labels: trainingSet.labels, unseen, compared, background },
      ...extras,
    }
    const groups = o.groups && extracted.read.map((i) => o.groups![i])
    const fitted = await fitSvm(state.template, given, search, { ...o, groups })
    replaceFitted(state, { ...fitted, scaler, trainingSet, groups, rankedLayers: chosen?.ranked })
  } catch (error) {
    if (source !== frozen) source.dispose()
    chosen?.source.dispose()
    throw error
  }
  for (const old of new Set([state.source, state.frozen])) if (old !== frozen) old.dispose()
  state.frozen = frozen
  state.source = source
}

/** Takes over what a fit has made. @throws {SoftmarginError} `DISPOSED` */
export function replaceFitted<L extends Label>(state: ClassifierState<L>, fitted: Fitted<L>): void {
  checkAlive(state)
  state.fitted?.svc.dispose()
  state.fitted = fitted
  state.added = []
}

/** The settings with which candidate layers are compared. */
function judgeOf<L extends Label>({ template, auto, scale }: ClassifierState<L>): LayerJudge {
  return { poolings: auto?.poolings, svm: template.clone({ probability: false }), scale }
}

/** The features of `unknown.background`, if there is one. */
async function backgroundOf(
  unknown: UnknownSettings | undefined,
  source: ImageFeatures,
  o: ImagesCall,
): Promise<Matrix | undefined> {
  const given = unknown?.background
  if (given === undefined) return undefined
  const { backgroundFeatures } = await import('../background-features.ts')
  return backgroundFeatures(source, given, o)
}
