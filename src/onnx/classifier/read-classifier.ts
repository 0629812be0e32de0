import { SoftmarginError, show } from '../../core/errors.ts'
import { producers, topologicalOrder } from '../graph/graph.ts'
import { renameTensors } from '../graph/rename.ts'
import { clone, create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  ValueInfoProtoSchema,
} from '../proto/onnx.ts'
import { exactNumbers } from './exact-numbers.ts'
import type { FilePooling, FileScaler } from './graph-steps.ts'
import { metadataKey, ownPrefix, schemaVersion } from './names.ts'
import type { FileCalibration } from './probability-steps.ts'
import { readSigmoidSteps } from './read-sigmoids.ts'
import { isSvmNode, readSvmNode, type SvmNumbers } from './svm-node.ts'
import type { ClassifierParts } from './write-classifier.ts'

/** The parts of a saved classifier, as they are read from its file. */
export interface FileParts extends Omit<ClassifierParts, 'arrangement' | 'known'> {
  /** Whether `readKnownSteps` finds the numbers of a known score in the graph. */
  hasKnownScore: boolean
  /** Number of class and register tokens, if the CNN's output is tokens. */
  prefixTokens: number | undefined
}

/**
 * Splits a saved classifier into its parts; the inverse of `writeClassifier`.
 *
 * The file is untrusted: every length, name and number is validated, and redundant data must agree. The model
 * passed in is not modified.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if the model is not a saved classifier or was saved by a
 *   newer softmargin; `MODEL_UNREADABLE` for a damaged one
 */
export function readClassifier(model: ModelProto): FileParts {
  const metadata = readMetadata(model)
  const graph = model.graph
  if (graph === undefined) throw unreadable('it has no graph')
  const rounded = readSvm(graph)
  const svm = exactNumbers(rounded, metadata.svm)
  return {
    cnn: cnnOf(model, metadata),
    pooling: readPooling(metadata),
    prefixTokens: readPrefixTokens(metadata),
    scaler: readScaler(graph, metadata, svm.supportVectors.cols),
    svm,
    calibration: readCalibration(metadata, svm),
    hasKnownScore: metadata.known === true,
    preprocess: object(metadata.preprocess, 'preprocess'),
    about: object(metadata.about, 'about'),
  }
}

/**
 * Whether a model was written by `writeClassifier`, valid or not. A plain CNN may also have softmargin
 * metadata, but no SVM.
 */
export function isClassifier(model: ModelProto): boolean {
  return (
    model.metadataProps.some(({ key }) => key === metadataKey) && (model.graph?.node.some(isSvmNode) ?? false)
  )
}

type Json = Record<string, unknown>

function readMetadata(model: ModelProto): Json {
  const entry = model.metadataProps.find(({ key }) => key === metadataKey)
  if (entry === undefined) {
    throw new SoftmarginError(
      'MODEL_UNSUPPORTED',
      'the model is not a saved classifier: it is an ONNX model, but ImageClassifier.save did not write it',
      { expected: `a model with '${metadataKey}' in its metadata_props` },
    )
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(entry.value)
  } catch (cause) {
    throw unreadable('its metadata is not JSON', cause)
  }
  const metadata = object(parsed, 'the whole')
  const version = metadata.schemaVersion
  if (!Number.isSafeInteger(version) || (version as number) < 1) {
    throw unreadable(`its schemaVersion is ${show(version)}`)
  }
  if ((version as number) > schemaVersion) {
    throw new SoftmarginError(
      'MODEL_UNSUPPORTED',
      `the saved classifier was written by a newer softmargin: its schemaVersion is ${version}, and this version reads up to ${schemaVersion}`,
      { received: version, expected: `schemaVersion ${schemaVersion}` },
    )
  }
  return metadata
}

function readSvm(graph: GraphProto): SvmNumbers {
  const found = graph.node.filter((node) => isSvmNode(node) && node.name === `${ownPrefix}svm`)
  if (found.length !== 1) throw unreadable(`it has ${found.length} SVMs instead of one`)
  const svm = readSvmNode(found[0])
  return { ...svm, sigmoids: svm.sigmoids ?? readSigmoidSteps(graph, svm.classes.length) }
}

function readPooling({ pooling }: Json): FilePooling {
  if (pooling === 'average' || pooling === 'max' || pooling === 'cls' || pooling === 'none') return pooling
  const grid = typeof pooling === 'object' && pooling !== null ? (pooling as Json).grid : undefined
  if (Number.isSafeInteger(grid) && (grid as number) > 0) return { grid: grid as number }
  throw unreadable(`its pooling is ${show(pooling)}`)
}

function readCalibration({ calibration }: Json, { sigmoids }: SvmNumbers): FileCalibration | undefined {
  if (calibration === undefined) return undefined
  const { power } = object(calibration, 'calibration')
  if (typeof power !== 'number' || !(power > 0 && power < 1e3))
    throw unreadable(`its power is ${show(power)}`)
  if (sigmoids === undefined) throw unreadable('it has a calibration, but its SVM has no sigmoids')
  return { power }
}

function readPrefixTokens({ prefixTokens }: Json): number | undefined {
  if (prefixTokens === undefined) return undefined
  if (Number.isSafeInteger(prefixTokens) && (prefixTokens as number) >= 0) return prefixTokens as number
  throw unreadable(`its prefixTokens is ${show(prefixTokens)}`)
}

function readScaler(graph: GraphProto, { scale }: Json, features: number): FileScaler {
  if (scale === 'none' || scale === 'l2') return { kind: scale }
  if (scale !== 'standard') throw unreadable(`its scale is ${show(scale)}`)
  const numbers = {
    mean: doubles(graph, 'mean', features),
    scale: doubles(graph, 'scale', features),
  }
  const zero = numbers.scale.indexOf(0)
  if (zero >= 0) throw unreadable(`scale[${zero}] is 0`)
  return { kind: 'standard', ...numbers }
}

function doubles(graph: GraphProto, name: string, length: number): Float64Array {
  const tensor = graph.initializer.find((each) => each.name === ownPrefix + name)
  if (tensor === undefined || tensor.dataType !== DataType.DOUBLE) throw unreadable(`it has no ${name}`)
  const { rawData } = tensor
  if (rawData.byteLength !== length * 8) {
    throw unreadable(`${name} has ${rawData.byteLength / 8} numbers, but the SVM takes ${length} features`)
  }
  const values = new Float64Array(rawData.slice().buffer)
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at >= 0) throw unreadable(`${name}[${at}] is ${values[at]}`)
  return values
}

/** Restores the CNN as it was before the other parts were added. */
function cnnOf(model: ModelProto, { cnnOutput, renamed }: Json): ModelProto {
  const isAdded = ({ name }: { name: string }) => name.startsWith(ownPrefix)
  const cnn = clone(ModelProtoSchema, model)
  const graph = cnn.graph!
  graph.node = graph.node.filter((node) => !isAdded(node))
  graph.initializer = graph.initializer.filter((tensor) => !isAdded(tensor))
  if (typeof cnnOutput !== 'string' || !producers(graph).has(cnnOutput)) {
    throw unreadable(`its CNN does not compute the output ${show(cnnOutput)}`)
  }
  const output = graph.valueInfo.find(({ name }) => name === cnnOutput)
  graph.output = [output ?? create(ValueInfoProtoSchema, { name: cnnOutput })]
  graph.valueInfo = graph.valueInfo.filter(({ name }) => name !== cnnOutput && !isAdded({ name }))
  cnn.metadataProps = cnn.metadataProps.filter(({ key }) => key !== metadataKey)
  if (!graph.node.some(({ domain }) => domain === 'ai.onnx.ml')) {
    cnn.opsetImport = cnn.opsetImport.filter(({ domain }) => domain !== 'ai.onnx.ml')
  }
  const oldNames = new Map(Object.entries(object(renamed, 'renamed')))
  for (const [now, old] of oldNames) {
    if (typeof old !== 'string') throw unreadable(`the original name of ${show(now)} is ${show(old)}`)
  }
  renameTensors(graph, (name) => (oldNames.get(name) as string | undefined) ?? name)
  // Old names can collide and so close a cycle that the file itself does not have.
  if (!topologicalOrder(graph))
    throw unreadable('its CNN has a cycle once the tensors have their original names')
  return cnn
}

function object(value: unknown, name: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw unreadable(`${name} in its metadata is ${show(value)} instead of an object`)
}

function unreadable(why: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the saved classifier cannot be read: ${why}`, { cause })
}
