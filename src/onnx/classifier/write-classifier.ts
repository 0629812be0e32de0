import { clone, create, toBinary } from '@bufbuild/protobuf'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type ValueInfoProto,
} from 'onnx-buf'
import { SoftmarginError } from '../../core/errors.ts'
import { tensorInfo } from '../graph/nodes.ts'
import { renameTensors, tensorNames } from '../graph/rename.ts'
import { exactNumbersToJson } from './exact-numbers.ts'
import {
  type FilePooling,
  type FileScaler,
  poolingSteps,
  Steps,
  scalerSteps,
  svmSteps,
} from './graph-steps.ts'
import { metadataKey, ownPrefix, ports, schemaVersion } from './names.ts'
import { probabilitySteps } from './probability-steps.ts'
import { labelsAreIntegers, type SvmNumbers } from './svm-node.ts'

/** All that a saved classifier holds. */
export interface ClassifierParts {
  /** The CNN up to its layer: one image input, one float32 output. It is not changed. */
  cnn: ModelProto
  pooling: FilePooling
  scaler: FileScaler
  svm: SvmNumbers
  /** How a picture becomes the CNN's input, as JSON; where the extractor looks for it in any model. */
  preprocess: object
  /** What ONNX has no place for and the caller wants back: anything JSON can hold. */
  about: Record<string, unknown>
}

/**
 * Joins CNN, pooling, scaler and SVM into one standard ONNX model (`ai.onnx` and `ai.onnx.ml`).
 *
 * Input `pixel_values` float32 [N, 3, H, W], the images as preprocessing leaves them. Outputs: `label` int64
 * or string [N]; `scores` float32, for two classes [N, 2], the greater one the label's, for more [N, pairs], the
 * decision values of the pairs of classes (0, 1), (0, 2), ..., (1, 2), ..., above 0 for the first of the pair;
 * for an SVM with sigmoids, in place of them, `probabilities` float32 [N, classes]; `features` float32 [N, F],
 * pooled, unscaled.
 *
 * The same parts always give the same bytes.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for a CNN whose operator set is too old for the pooling
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
  poolingSteps(steps, map.name, parts.pooling)
  const scaled = scalerSteps(steps, parts.scaler)
  const { classes, intercept, sigmoids } = parts.svm
  if (sigmoids) probabilitySteps(steps, { ...parts.svm, sigmoids }, scaled)
  else svmSteps(steps, parts.svm, scaled)

  // A tensor of unknown type is left to inference: an entry without one breaks ONNX's own.
  if (map.type !== undefined) graph.valueInfo.push(map)
  graph.output = [
    tensorInfo(ports.label, labelsAreIntegers(classes) ? DataType.INT64 : DataType.STRING, [batch]),
    sigmoids
      ? tensorInfo(ports.probabilities, DataType.FLOAT, [batch, classes.length])
      : tensorInfo(ports.scores, DataType.FLOAT, [batch, Math.max(2, intercept.length)]),
    tensorInfo(ports.features, DataType.FLOAT, [batch, featureSize]),
  ]
  model.opsetImport = model.opsetImport.filter(({ domain }) => domain !== 'ai.onnx.ml')
  model.opsetImport.push({ $typeName: 'onnx.OperatorSetIdProto', domain: 'ai.onnx.ml', version: 1n })
  model.metadataProps = model.metadataProps.filter(({ key }) => key !== metadataKey)
  model.metadataProps.push(
    create(StringStringEntryProtoSchema, { key: metadataKey, value: metadataText(parts, map.name, renamed) }),
  )
  return toBinary(ModelProtoSchema, model)
}

/** The JSON of the file: the numbers that float32 attributes would round, and what the caller gave. */
function metadataText(
  { svm, scaler, pooling, preprocess, about }: ClassifierParts,
  output: string,
  renamed: object,
): string {
  return JSON.stringify({
    schemaVersion,
    preprocess,
    cnnOutput: output,
    renamed,
    pooling,
    scale: scaler.kind,
    svm: exactNumbersToJson(svm),
    about,
  })
}

/**
 * Renames what stands where our own names go, and calls the image input as all our files do.
 *
 * @returns the old name of each tensor by its new one
 */
function makeRoom(graph: GraphProto): Record<string, string> {
  const taken = tensorNames(graph)
  const image = graph.input[0].name
  const reserved = new Set<string>(Object.values(ports))
  const newNames = new Map<string, string>()
  for (const name of taken) {
    if (!reserved.has(name) && !name.startsWith(ownPrefix)) continue
    let free = `cnn/${name}`
    while (taken.has(free)) free = `cnn/${free}`
    newNames.set(name, free)
  }
  newNames.set(image, ports.image)
  renameTensors(graph, (name) => newNames.get(name) ?? name)
  for (const each of graph.node) if (each.name.startsWith(ownPrefix)) each.name = `cnn/${each.name}`
  return Object.fromEntries([...newNames].filter(([old, now]) => old !== now).map(([old, now]) => [now, old]))
}

/** Files of before 2019 lack operators that the pooling of a grid, or the scaler, is made of. */
function checkOperatorSet(model: ModelProto, { pooling }: ClassifierParts): void {
  const version = Number(
    model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version,
  )
  const wanted = typeof pooling === 'object' ? 10 : 7
  if (version >= wanted) return
  throw new SoftmarginError(
    'MODEL_UNSUPPORTED',
    `the CNN uses operator set ${version}; saved in one file with this pooling it must use ${wanted} or newer`,
    { received: version, expected: `operator set ${wanted} or newer` },
  )
}

function batchDimension(input: ValueInfoProto): string | bigint {
  const type = input.type?.value
  const dim = type?.case === 'tensorType' ? type.value.shape?.dim[0]?.value : undefined
  return dim?.case === 'dimValue' ? dim.value : dim?.case === 'dimParam' && dim.value !== '' ? dim.value : 'N'
}
