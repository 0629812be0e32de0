import type { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { version } from '../core/version.ts'
import { writeClassifier } from '../onnx/classifier/write-classifier.ts'
import { featureKernel } from '../svm/formats/export-model.ts'
import { svcToMetadata } from '../svm/formats/write-svc-metadata.ts'
import type { FileContent } from './classifier-file.ts'
import { trainingSetToFile } from './training-set.ts'

/** Serializes a fitted classifier to one ONNX file. */
export async function classifierToFile(
  extractor: FeatureExtractor,
  { scaler, svc, power, known, trainingSet }: FileContent,
): Promise<Uint8Array<ArrayBuffer>> {
  const { model, pooling, preprocess } = extractor.describe()
  const state = svc.toState()
  const kernel = featureKernel(state)
  return writeClassifier({
    cnn: await extractor.cutModel(),
    pooling,
    arrangement: extractor.arrangement,
    scaler: scaler.toFile(),
    svm: {
      ...state,
      nSupport: Array.from(state.nSupport),
      kernel: kernel.kind,
      gamma: kernel.gamma,
      coef0: kernel.coef0,
      degree: kernel.degree,
    },
    calibration: power === undefined ? undefined : { power },
    known: known?.numbers,
    preprocess,
    about: {
      writtenBy: `softmargin ${version}`,
      // Store only the file name: the directories would disclose the layout of the user's file system.
      model: model.split(/[/\\]/).at(-1),
      // Kept only if it was asked for: features of the runtimes differ in their low bits.
      runtime: extractor.requestedRuntime === 'onnxruntime' ? 'onnxruntime' : undefined,
      svm: svcToMetadata(state),
      learnt: trainingSet && trainingSetToFile(trainingSet, state.classes),
      unknown: known && { reject: known.reject, label: known.label },
    },
  })
}
