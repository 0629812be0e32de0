import { Matrix } from '../../src/core/matrix.ts'
import type { FilePooling, FileScaler } from '../../src/onnx/classifier/graph-steps.ts'
import type { OnnxKernel, SvmNumbers } from '../../src/onnx/classifier/svm-node.ts'
import type { ClassifierParts } from '../../src/onnx/classifier/write-classifier.ts'
import type { ModelProto } from '../../src/onnx/proto/onnx.ts'
import { noise } from './random.ts'
import { smallCnn } from './small-cnn.ts'

/** The size of the pictures for `partsOf`, and the number of channels of its CNN. */
export const width = 7
export const height = 5
export const channels = 4

function svmOf(classes: (string | number)[], features: number, kernel: OnnxKernel = 'rbf'): SvmNumbers {
  const nSupport = classes.map((_, i) => 2 + (i % 2))
  const rows = nSupport.reduce((sum, count) => sum + count, 0)
  const pairs = (classes.length * (classes.length - 1)) / 2
  return {
    classes,
    kernel,
    gamma: 0.3,
    coef0: 0.2,
    degree: 2,
    supportVectors: new Matrix(
      Float32Array.from({ length: rows * features }, (_, i) => noise(i + 99)),
      rows,
      features,
    ),
    nSupport,
    dualCoef: Float64Array.from({ length: (classes.length - 1) * rows }, (_, i) => noise(i + 1234)),
    intercept: Float64Array.from({ length: pairs }, (_, i) => noise(i + 4321) / 10),
  }
}

function sigmoidsOf(classes: (string | number)[]): SvmNumbers['sigmoids'] {
  const length = (classes.length * (classes.length - 1)) / 2
  return {
    a: Float64Array.from({ length }, (_, i) => noise(i + 55) - 3),
    b: Float64Array.from({ length }, (_, i) => noise(i + 66)),
  }
}

function knownOf(classes: number, features: number): ClassifierParts['known'] {
  return {
    mean: Float64Array.from({ length: features }, (_, i) => noise(i + 11)),
    whiten: Float32Array.from({ length: features * features }, (_, i) => noise(i + 22)),
    linear: Float32Array.from({ length: features * classes }, (_, i) => noise(i + 33)),
    quadratic: Float32Array.from({ length: classes }, (_, i) => noise(i + 44)),
    offset: Float32Array.from({ length: classes }, (_, i) => noise(i + 77)),
  }
}

/** All parts of a small classifier, with pseudo-random numbers. */
export function partsOf(
  o: {
    classes?: (string | number)[]
    kernel?: OnnxKernel
    pooling?: FilePooling
    scale?: FileScaler['kind']
    cnn?: ModelProto
    sigmoids?: boolean
    calibration?: ClassifierParts['calibration']
    known?: boolean
  } = {},
): ClassifierParts {
  const { pooling = 'average', scale = 'standard', classes = ['cat', 'dog', 'cow'] } = o
  const features =
    pooling === 'none'
      ? channels * width * height
      : typeof pooling === 'object'
        ? channels * pooling.grid ** 2
        : channels
  return {
    cnn: o.cnn ?? smallCnn(),
    pooling,
    scaler:
      scale === 'standard'
        ? {
            kind: 'standard',
            mean: Float64Array.from({ length: features }, (_, i) => 0.3 + noise(i) / 10),
            scale: Float64Array.from({ length: features }, (_, i) => 0.5 + noise(i + 7) / 10),
          }
        : { kind: scale },
    svm: { ...svmOf(classes, features, o.kernel), sigmoids: o.sigmoids ? sigmoidsOf(classes) : undefined },
    calibration: o.calibration,
    known: o.known ? knownOf(classes.length, features) : undefined,
    preprocess: { size: 32 },
    about: { layer: 'relu' },
  }
}
