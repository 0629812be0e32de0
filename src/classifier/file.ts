import type { ModelProto } from 'onnx-buf'
import { FeatureExtractor } from '../cnn/extractor.ts'
import { SoftmarginError, show } from '../errors.ts'
import type { Preprocess } from '../image/preprocess.ts'
import { readClassifier } from '../onnx/read-classifier.ts'
import type { SvmNumbers } from '../onnx/svm-node.ts'
import { writeClassifier } from '../onnx/write-classifier.ts'
import { uniqueLabels } from '../svm/labels.ts'
import { featureKernel } from '../svm/loaded-machine.ts'
import { SVC, type SvcOptions, type SvcState } from '../svm/svc.ts'
import { version } from '../version.ts'
import { type FeatureScaler, featureScalerFromFile } from './feature-scaler.ts'

/** A fitted classifier as one ONNX file. */
export function classifierToFile(
  extractor: FeatureExtractor,
  scaler: FeatureScaler,
  svc: SVC,
): Uint8Array<ArrayBuffer> {
  const { model, pooling, preprocess } = extractor.describe()
  const state = svc.toState()
  const { options, nIter, fitStatus, support, nSupport, ...rest } = state
  const kernel = featureKernel(state)
  return writeClassifier({
    cnn: extractor.cutModel(),
    pooling,
    scaler: scaler.toFile(),
    svm: {
      ...rest,
      nSupport: Array.from(nSupport),
      kernel: kernel.kind,
      gamma: kernel.gamma,
      coef0: kernel.coef0,
      degree: kernel.degree,
    },
    preprocess,
    about: {
      writtenBy: `softmargin ${version}`,
      // The folders around a file are nobody else's business.
      model: model.split(/[/\\]/).at(-1),
      svm: { options, fitStatus, nIter: Array.from(nIter), support: Array.from(support) },
    },
  })
}

/**
 * A fitted classifier out of a file.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`
 */
export async function classifierFromFile(
  model: ModelProto,
  o: { threads?: number } = {},
): Promise<{ extractor: FeatureExtractor; scaler: FeatureScaler; svc: SVC }> {
  const { cnn, pooling, scaler, svm, preprocess, about } = readClassifier(model)
  const svc = svcFromFile(svm, about.svm)
  const name = typeof about.model === 'string' ? about.model : 'bytes'
  const options = {
    layer: cnn.graph!.output[0].name,
    pooling,
    preprocess: preprocess as Preprocess,
    threads: o.threads,
  }
  const extractor = await FeatureExtractor.fromModel(cnn, options, name).catch((cause) => {
    if (!(cause instanceof SoftmarginError) || cause.code !== 'INVALID_ARGUMENT') throw cause
    throw unreadable(cause.message, cause)
  })
  const { featureSize } = extractor
  if (featureSize === svm.supportVectors.cols) {
    return { extractor, scaler: featureScalerFromFile(scaler), svc }
  }
  extractor.dispose()
  throw unreadable(`its CNN makes ${featureSize} features, but its SVM takes ${svm.supportVectors.cols}`)
}

function svcFromFile(svm: SvmNumbers, stored: unknown): SVC {
  const { options, fitStatus, nIter, support } = (stored ?? {}) as Record<string, unknown>
  const { classes, kernel, gamma, coef0, degree, supportVectors, nSupport, dualCoef, intercept, sigmoids } =
    svm
  if (uniqueLabelsOf(classes).some((label, i) => label !== classes[i])) {
    throw unreadable('its classes are not in order')
  }
  if (fitStatus !== 'converged' && fitStatus !== 'maxIter' && fitStatus !== 'stalled') {
    throw unreadable(`its fitStatus is ${show(fitStatus)}`)
  }
  const state: SvcState = {
    options: (options ?? {}) as SvcOptions,
    classes,
    kernel: { kind: kernel, gamma, coef0, degree },
    supportVectors,
    nSupport: Int32Array.from(nSupport),
    dualCoef,
    intercept,
    nIter: counts(nIter, intercept.length, 'nIter'),
    support: counts(support, supportVectors.rows, 'support'),
    fitStatus,
    sigmoids,
  }
  let svc: SVC
  try {
    svc = SVC.fromState(state)
  } catch (cause) {
    throw unreadable((cause as Error).message, cause)
  }
  const wanted = svc.getParams()
  if (wanted.kernel !== kernel || wanted.coef0 !== coef0 || wanted.degree !== degree) {
    throw unreadable("the SVM's options and its numbers are of different kernels")
  }
  if (wanted.probability !== (sigmoids !== undefined)) {
    throw unreadable(`the SVM's option probability is ${wanted.probability}, unlike its numbers`)
  }
  return svc
}

function uniqueLabelsOf(classes: SvmNumbers['classes']): SvmNumbers['classes'] {
  try {
    return uniqueLabels(classes, 'classes')
  } catch (cause) {
    throw unreadable((cause as Error).message, cause)
  }
}

function counts(list: unknown, length: number, name: string): Int32Array {
  const sound = (value: unknown) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31
  if (Array.isArray(list) && list.length === length && list.every(sound)) return Int32Array.from(list)
  throw unreadable(`its ${name} is no list of ${length} whole numbers`)
}

function unreadable(why: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the saved classifier cannot be read: ${why}`, { cause })
}
