// Writes and reads an SVC as an ONNX model.

import { invalidArgument, SoftmarginError, show } from '../../core/errors.ts'
import { version } from '../../core/version.ts'
import { exactNumbers } from '../../onnx/classifier/exact-numbers.ts'
import { Steps, svmSteps } from '../../onnx/classifier/graph-steps.ts'
import { ioNames } from '../../onnx/classifier/names.ts'
import { probabilitySteps } from '../../onnx/classifier/probability-steps.ts'
import { readSigmoidSteps } from '../../onnx/classifier/read-sigmoids.ts'
import { isSvmNode, readSvmNode } from '../../onnx/classifier/svm-node.ts'
import { exactNumbersToJson } from '../../onnx/classifier/write-exact-numbers.ts'
import { labelsAreIntegers } from '../../onnx/classifier/write-svm-node.ts'
import { dimensions, requiredInputs } from '../../onnx/graph/graph.ts'
import { tensorInfo } from '../../onnx/graph/nodes.ts'
import { readModel } from '../../onnx/graph/read-model.ts'
import { create } from '../../onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  StringStringEntryProtoSchema,
} from '../../onnx/proto/onnx.ts'
import { toBinary } from '../../onnx/proto/write-message.ts'
import type { SvcState } from '../model/svc-state.ts'
import { importedFromState } from './export-model.ts'
import { stateFromImported } from './import-model.ts'
import { readInputSteps, writeInputSteps } from './onnx-steps.ts'
import { svcFromMetadata } from './svc-metadata.ts'
import { svcToMetadata } from './write-svc-metadata.ts'

/** Name of the input tensor that holds the rows. */
const input = 'X'
/** Key of our JSON in the file's `metadata_props`. Whole image classifiers use another key. */
const metadataKey = 'softmargin.svc'
/** Version of the layout of that JSON. */
const schemaVersion = 1

/**
 * Writes an SVC as an ONNX model; the graph is described at `SVC.toOnnx`. The same state gives the same bytes.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for a precomputed kernel and for numbers beyond float32
 */
export function writeSvcOnnx(state: SvcState): Uint8Array<ArrayBuffer> {
  const { kernel, nSupport, inputSteps = [], ...machine } = importedFromState(state)
  const { classes, intercept, sigmoids, supportVectors } = machine
  const { kind, gamma, coef0, degree } = kernel
  const label = labelsAreIntegers(classes) ? DataType.INT64 : DataType.STRING
  const graph = create(GraphProtoSchema, {
    name: 'svc',
    input: [tensorInfo(input, DataType.FLOAT, ['N', supportVectors.cols])],
    output: [
      tensorInfo(ioNames.label, label, ['N']),
      sigmoids
        ? tensorInfo(ioNames.probabilities, DataType.FLOAT, ['N', classes.length])
        : tensorInfo(ioNames.scores, DataType.FLOAT, ['N', Math.max(2, intercept.length)]),
    ],
  })
  const steps = new Steps(graph)
  const rows = writeInputSteps(steps, input, inputSteps)
  const numbers = { ...machine, kernel: kind, gamma, coef0, degree, nSupport: Array.from(nSupport) }
  if (sigmoids) probabilitySteps(steps, { ...numbers, sigmoids }, rows)
  else svmSteps(steps, numbers, rows)
  // A model imported from another program's file has no further metadata.
  const facts = state.tieOrder || state.support.includes(-1) ? undefined : svcToMetadata(state)
  const value = JSON.stringify({ schemaVersion, svm: exactNumbersToJson(numbers), machine: facts })
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      // ONNX Runtime has read this version since 2019.
      irVersion: 6n,
      opsetImport: [
        { domain: '', version: 11n },
        { domain: 'ai.onnx.ml', version: 1n },
      ],
      producerName: 'softmargin',
      producerVersion: version,
      metadataProps: [create(StringStringEntryProtoSchema, { key: metadataKey, value })],
      graph,
    }),
  )
}

/**
 * Reads an SVC from an ONNX model. The file is untrusted.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`
 */
export function readSvcOnnx(bytes: Uint8Array | ArrayBuffer): SvcState {
  if (!(bytes instanceof Uint8Array) && !(bytes instanceof ArrayBuffer)) {
    throw invalidArgument('bytes', bytes, 'the bytes of an ONNX model: a Uint8Array or ArrayBuffer')
  }
  const model = readModel(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), 'bytes')
  const graph = model.graph!
  const found = graph.node.filter(isSvmNode)
  if (found.length !== 1) throw unsupported(`it has ${found.length} SVMClassifier nodes instead of 1`)
  const [node] = found
  const rounded = readSvmNode(node)
  rounded.sigmoids ??= readSigmoidSteps(graph, rounded.classes.length)
  const metadata = readMetadata(model)
  const numbers = metadata ? exactNumbers(rounded, metadata.svm) : rounded
  checkLabelOutput(graph, node)
  const columns = numbers.supportVectors.cols
  const inputSteps = readInputSteps(graph, node.input[0] ?? '', columns)
  const widths = requiredInputs(graph).map(({ type }) => dimensions(type)?.[1] ?? columns)
  if (widths.some((width) => width !== columns)) {
    throw unsupported(`its inputs have ${widths} columns, but its support vectors have ${columns}`)
  }
  if (metadata?.machine !== undefined) {
    const state = svcFromMetadata(numbers, metadata.machine)
    return inputSteps.length > 0 ? { ...state, inputSteps } : state
  }
  const { kernel, gamma, coef0, degree, nSupport, ...rest } = numbers
  return stateFromImported({
    ...rest,
    kernel: { kind: kernel, gamma, coef0, degree },
    nSupport: Int32Array.from(nSupport),
    inputSteps,
  })
}

/**
 * Returns the metadata written by `writeSvcOnnx`, or undefined if the file has none.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE`; `MODEL_UNSUPPORTED` for a file of a newer softmargin
 */
function readMetadata({ metadataProps }: ModelProto): Record<string, unknown> | undefined {
  const text = metadataProps.find(({ key }) => key === metadataKey)?.value
  if (text === undefined) return undefined
  let metadata: Record<string, unknown>
  try {
    metadata = JSON.parse(text) ?? {}
  } catch (cause) {
    const message = 'the saved SVM cannot be read: its metadata is not JSON'
    throw new SoftmarginError('MODEL_UNREADABLE', message, { argument: 'bytes', cause })
  }
  if (metadata.schemaVersion === schemaVersion) return metadata
  throw unsupported(
    `its schemaVersion is ${show(metadata.schemaVersion)}, but this version of softmargin reads 1`,
  )
}

/** Checks that the output labels are those of the SVM. A graph that maps them to others is a different classifier. */
function checkLabelOutput(graph: GraphProto, svm: NodeProto): void {
  const outputs = new Set(graph.output.map(({ name }) => name))
  const labels = new Set([svm.output[0]])
  for (const { opType, input, output } of graph.node) {
    if ((opType === 'Cast' || opType === 'Identity') && labels.has(input[0])) labels.add(output[0])
  }
  for (const name of labels) if (outputs.has(name)) return
  throw unsupported(`it does not return the label ${show(svm.output[0])} that its SVMClassifier computes`)
}

function unsupported(why: string): SoftmarginError {
  return new SoftmarginError('MODEL_UNSUPPORTED', `the model cannot become an SVC: ${why}`, {
    argument: 'bytes',
    expected: 'a model of one SVMClassifier',
  })
}
