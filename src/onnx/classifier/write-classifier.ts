import { SoftmarginError } from '../../core/errors.ts'
import { tensorInfo } from '../graph/nodes.ts'
import { operatorSetOf } from '../graph/operator-set.ts'
import { renameTensors, tensorNames } from '../graph/rename.ts'
import { clone, create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type ValueInfoProto,
} from '../proto/onnx.ts'
import { toBinary } from '../proto/write-message.ts'
import {
  type FileArrangement,
  type FilePooling,
  type FileScaler,
  poolingSteps,
  Steps,
  scalerSteps,
  svmSteps,
} from './graph-steps.ts'
import { knownSteps } from './known-steps.ts'
import { ioNames, metadataKey, ownPrefix, schemaVersion } from './names.ts'
import { type FileCalibration, probabilitySteps } from './probability-steps.ts'
import type { KnownNumbers } from './read-steps.ts'
import type { SvmNumbers } from './svm-node.ts'
import { exactNumbersToJson } from './write-exact-numbers.ts'
import { labelsAreIntegers } from './write-svm-node.ts'

/** The parts of a saved classifier. */
export interface ClassifierParts {
  /** The CNN up to its layer: one image input, one float32 output. It is not modified. */
  cnn: ModelProto
  pooling: FilePooling
  /** How the output of the CNN is arranged. Default: as a map [N, channels, height, width] or a vector. */
  arrangement?: FileArrangement | undefined
  scaler: FileScaler
  svm: SvmNumbers
  /** How the coupled probabilities of an SVM with sigmoids are calibrated; without it they stay as they are. */
  calibration?: FileCalibration | undefined
  /** Similarity of images to the classes, for the output `known`. */
  known?: KnownNumbers | undefined
  /** Preprocessing for the CNN's input, as JSON. Stored where the extractor looks for it in any model. */
  preprocess: object
  /** Caller-defined JSON that ONNX itself has no place for. */
  about: Record<string, unknown>
}

/**
 * Combines CNN, pooling, scaler and SVM into one standard ONNX model (`ai.onnx` and `ai.onnx.ml`).
 *
 * The input `pixel_values` is float32 [N, 3, H, W], preprocessed images. The outputs are:
 *
 * - `label`: int64 or string [N]
 * - `scores`: float32. For two classes [N, 2], where the larger value marks the label. For more classes [N,
 *   pairs], the decision values of the pairs (0, 1), (0, 2), ..., (1, 2), ..., positive for the first class
 *   of the pair
 * - `probabilities`: float32 [N, classes], instead of `scores`, for an SVM with sigmoids
 * - `features`: float32 [N, F], pooled and unscaled
 * - `known`: float32 [N], only with `known`: above 0 for an image that is like one of the classes
 *
 * The same parts always produce the same bytes.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for a CNN whose opset is too old for the pooling
 */
export function writeClassifier(parts: ClassifierParts): Uint8Array<ArrayBuffer> {
  const model = clone(ModelProtoSchema, parts.cnn)
  const graph = model.graph!
  const renamed = makeRoom(graph)
  const map = graph.output[0]
  const featureSize = parts.svm.supportVectors.cols
  checkOperatorSet(model, parts)

  const steps = new Steps(graph)
  const batch = batchDimension(graph.input[0])
  poolingSteps(steps, map.name, parts.pooling, parts.arrangement ?? { rank: 4 })
  const scaled = scalerSteps(steps, parts.scaler)
  const { classes, intercept, sigmoids } = parts.svm
  if (sigmoids) probabilitySteps(steps, { ...parts.svm, sigmoids }, scaled, parts.calibration)
  else svmSteps(steps, parts.svm, scaled)

  if (parts.known) knownSteps(steps, parts.known)

  // Tensors of unknown type are left to inference; a value_info entry without a type breaks ONNX shape
  // inference.
  if (map.type !== undefined) graph.valueInfo.push(map)
  graph.output = [
    tensorInfo(ioNames.label, labelsAreIntegers(classes) ? DataType.INT64 : DataType.STRING, [batch]),
    sigmoids
      ? tensorInfo(ioNames.probabilities, DataType.FLOAT, [batch, classes.length])
      : tensorInfo(ioNames.scores, DataType.FLOAT, [batch, Math.max(2, intercept.length)]),
    tensorInfo(ioNames.features, DataType.FLOAT, [batch, featureSize]),
    ...(parts.known ? [tensorInfo(ioNames.known, DataType.FLOAT, [batch])] : []),
  ]
  model.opsetImport = model.opsetImport.filter(({ domain }) => domain !== 'ai.onnx.ml')
  model.opsetImport.push({ $typeName: 'onnx.OperatorSetIdProto', domain: 'ai.onnx.ml', version: 1n })
  model.metadataProps = model.metadataProps.filter(({ key }) => key !== metadataKey)
  model.metadataProps.push(
    create(StringStringEntryProtoSchema, { key: metadataKey, value: metadataText(parts, map.name, renamed) }),
  )
  return toBinary(ModelProtoSchema, model)
}

/** The JSON stored in the file: values that float32 attributes would round, and the caller's data. */
function metadataText(
  { svm, calibration, known, scaler, pooling, arrangement, preprocess, about }: ClassifierParts,
  output: string,
  renamed: object,
): string {
  return JSON.stringify({
    // Readers of version 1 would return other probabilities, and accept every image as known.
    schemaVersion: calibration || known ? schemaVersion : 1,
    preprocess,
    cnnOutput: output,
    renamed,
    pooling,
    ...(arrangement?.prefixTokens !== undefined && { prefixTokens: arrangement.prefixTokens }),
    scale: scaler.kind,
    svm: exactNumbersToJson(svm),
    calibration,
    known: known ? true : undefined,
    about,
  })
}

/**
 * Renames tensors and nodes that conflict with the names used here, and renames the image input to
 * `pixel_values`.
 *
 * @returns old tensor names, keyed by the new ones
 */
function makeRoom(graph: GraphProto): Record<string, string> {
  const taken = tensorNames(graph)
  const image = graph.input[0].name
  const reserved = new Set<string>(Object.values(ioNames))
  const newNames = new Map<string, string>()
  for (const name of taken) {
    if (!reserved.has(name) && !name.startsWith(ownPrefix)) continue
    let free = `cnn/${name}`
    while (taken.has(free)) free = `cnn/${free}`
    newNames.set(name, free)
  }
  newNames.set(image, ioNames.image)
  renameTensors(graph, (name) => newNames.get(name) ?? name)
  for (const each of graph.node) if (each.name.startsWith(ownPrefix)) each.name = `cnn/${each.name}`
  return Object.fromEntries([...newNames].filter(([old, now]) => old !== now).map(([old, now]) => [now, old]))
}

/** Checks the opset: models from before 2019 may lack operators needed for grid pooling or the scaler. */
function checkOperatorSet(model: ModelProto, { pooling, arrangement, calibration }: ClassifierParts): void {
  const version = operatorSetOf(model)
  const wanted = typeof pooling === 'object' || arrangement?.rank === 3 ? 10 : calibration ? 8 : 7
  if (version >= wanted) return
  throw new SoftmarginError(
    'MODEL_UNSUPPORTED',
    `a CNN saved with this pooling${calibration ? ' and calibrated probabilities' : ''} must use operator set ${wanted} or newer, but this one uses ${version}`,
    { received: version, expected: `operator set ${wanted} or newer` },
  )
}

function batchDimension(input: ValueInfoProto): string | bigint {
  const type = input.type?.value
  const dim = type?.case === 'tensorType' ? type.value.shape?.dim[0]?.value : undefined
  return dim?.case === 'dimValue' ? dim.value : dim?.case === 'dimParam' && dim.value !== '' ? dim.value : 'N'
}
