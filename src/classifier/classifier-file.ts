import { type ExtractorOptions, FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { hasOnnxRuntime } from '../cnn/runtime.ts'
import { SoftmarginError } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import type { Preprocess } from '../image/preprocess-options.ts'
import { readClassifier } from '../onnx/classifier/read-classifier.ts'
import type { KnownNumbers } from '../onnx/classifier/read-steps.ts'
import type { ModelProto } from '../onnx/proto/onnx.ts'
import { type FeatureScaler, featureScalerFromFile } from '../preprocessing/feature-scaler.ts'
import { svcFromMetadata } from '../svm/formats/svc-metadata.ts'
import type { SvcState } from '../svm/model/svc-state.ts'
import { SVC } from '../svm/svc.ts'
import type { UnknownOptions, UnknownSettings } from './classifier-options.ts'
import type { NoveltyDetector } from './review/novelty.ts'
import type { TrainingSet } from './training-set.ts'

/** What a file holds beside the extractor. */
export interface FileContent<L extends Label = Label> {
  scaler: FeatureScaler
  svc: SVC<L>
  /** The power of `CalibratedSvc`, if the probabilities come from folds. */
  power?: number | undefined
  known?: NoveltyDetector | undefined
  trainingSet: TrainingSet<L> | undefined
}

/**
 * Restores a fitted classifier from a parsed ONNX file.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`
 */
export async function classifierFromFile<L extends Label>(
  model: ModelProto,
  o: Pick<ExtractorOptions, 'threads' | 'runtime' | 'executionProviders'> = {},
): Promise<FileContent<L> & { extractor: FeatureExtractor }> {
  const { cnn, pooling, prefixTokens, scaler, svm, calibration, hasKnownScore, preprocess, about } =
    readClassifier(model)
  const known = hasKnownScore ? await knownNumbersOf(model, svm) : undefined
  const svc = SVC.fromState(svcFromMetadata(svm, about.svm) as SvcState<L>)
  const trainingSet = await trainingSetOf(about.learnt, svc.classes)
  const name = typeof about.model === 'string' ? about.model : 'bytes'
  const options = {
    layer: cnn.graph!.output[0].name,
    pooling,
    prefixTokens,
    preprocess: preprocess as Preprocess,
    threads: o.threads,
    runtime: o.runtime ?? (about.runtime === 'onnxruntime' && hasOnnxRuntime() ? 'onnxruntime' : undefined),
    executionProviders: o.executionProviders,
  }
  const extractor = await FeatureExtractor.fromModel(cnn, options, name).catch((cause) => {
    if (!(cause instanceof SoftmarginError) || cause.code !== 'INVALID_ARGUMENT') throw cause
    // These came from the caller, not from the file.
    if (Object.hasOwn(o, cause.argument ?? '')) throw cause
    throw unreadable(cause.message, cause)
  })
  const { featureSize } = extractor
  if (featureSize === svm.supportVectors.cols) {
    return {
      ...{
        extractor,
        scaler: featureScalerFromFile(scaler),
        svc,
        power: calibration?.power,
        trainingSet,
      },
      known: known && { ...(await unknownFromFile(about.unknown)), numbers: known },
    }
  }
  extractor.dispose()
  throw unreadable(`its CNN computes ${featureSize} features, but its SVM takes ${svm.supportVectors.cols}`)
}

/** @throws {SoftmarginError} `MODEL_UNREADABLE` */
async function knownNumbersOf(
  { graph }: ModelProto,
  { supportVectors, classes }: Pick<SvcState, 'supportVectors' | 'classes'>,
): Promise<KnownNumbers> {
  const { readKnownSteps } = await import('../onnx/classifier/read-steps.ts')
  return readKnownSteps(graph!, supportVectors.cols, classes.length)
}

/** @throws {SoftmarginError} `MODEL_UNREADABLE` */
async function trainingSetOf<L extends Label>(
  stored: unknown,
  classes: L[],
): Promise<TrainingSet<L> | undefined> {
  if (stored === undefined) return undefined
  const { trainingSetFromFile } = await import('./training-set.ts')
  return trainingSetFromFile(stored, classes)
}

/** @throws {SoftmarginError} `MODEL_UNREADABLE` */
async function unknownFromFile(stored: unknown): Promise<UnknownSettings> {
  const { checkUnknown } = await import('./check-unknown.ts')
  try {
    const unknown = checkUnknown((stored ?? undefined) as UnknownOptions | undefined)
    if (unknown) return unknown
  } catch (cause) {
    throw unreadable((cause as Error).message, cause)
  }
  throw unreadable('it has a known score without its settings')
}

function unreadable(why: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the saved classifier cannot be read: ${why}`, { cause })
}
