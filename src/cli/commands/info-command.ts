import type { Command } from 'commander'
import { listLayers } from '../../cnn/layers/list-layers.ts'
import { SoftmarginError } from '../../core/errors.ts'
import { readNpy } from '../../data/npy.ts'
import { readNpz } from '../../data/npz.ts'
import { readSource } from '../../host/storage/read-source.ts'
import { isClassifier, readClassifier } from '../../onnx/classifier/read-classifier.ts'
import { isSvmNode } from '../../onnx/classifier/svm-node.ts'
import { dimensions, requiredInputs } from '../../onnx/graph/graph.ts'
import { readModel } from '../../onnx/graph/read-model.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'
import { inferTensors } from '../../onnx/shapes/infer.ts'
import type { FeatureSignature } from '../../store/feature-signature.ts'
import { FeatureStore } from '../../store/feature-store.ts'
import { SVC } from '../../svm/public-svc.ts'
import { printResult } from '../common/terminal.ts'
import { isLibsvmModel } from './convert-command.ts'

/** The kind of a file and its properties; the names of properties are printed as words. */
type Description = { kind: string } & Record<string, unknown>

/** Adds the command `info`: describes the content of a file. */
export function addInfo(program: Command): void {
  program
    .command('info')
    .description('describe a file: a classifier, an SVM, a CNN, or features')
    .argument('<file>', 'an .onnx, .npz or .npy file, or a model from svm-train')
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin info photos.onnx')
    .action((file: string, options: { json?: boolean }) => info(file, options.json === true))
}

async function info(file: string, json: boolean): Promise<void> {
  const bytes = await readSource(file, 'file')
  const description = { ...(await describe(bytes)), bytes: bytes.length }
  printResult(json, { file, ...description }, () =>
    Object.entries(description)
      .map(([name, value]) => `${nameAsWords(name)}: ${valueAsText(value)}\n`)
      .join(''),
  )
}

/** Converts `supportVectors` to `support vectors`. */
function nameAsWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function valueAsText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

async function describe(bytes: Uint8Array): Promise<Description> {
  // A ZIP archive begins with PK, a NumPy array with \x93NUMPY.
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return describeNpz(bytes)
  if (bytes[0] === 0x93 && bytes[1] === 0x4e) {
    const { shape, data } = await readNpy(bytes)
    return { kind: 'a NumPy array', shape, dtype: data.constructor.name.replace(/Array$/, '').toLowerCase() }
  }
  if (isLibsvmModel(bytes)) {
    return { kind: 'an SVM (LIBSVM text)', ...describeLibsvm(new TextDecoder().decode(bytes)) }
  }
  const model = readModel(bytes, 'file')
  if (isClassifier(model)) return describeClassifier(model)
  if (model.graph?.node.some(isSvmNode)) {
    using svc = await SVC.fromOnnx(bytes)
    return { kind: 'an SVM (ONNX)', ...describeSvc(svc) }
  }
  return describeCnn(model)
}

async function describeNpz(bytes: Uint8Array): Promise<Description> {
  try {
    const store = await FeatureStore.fromNpz(bytes)
    const { maker: signature, features } = store
    const classes = [...new Set(store.labels)].filter((label) => label !== '').sort()
    return {
      kind: 'a feature store',
      images: store.size,
      features: features.cols,
      classes,
      ...(signature?.parts
        ? { layers: signature.parts.map(describeLayer) }
        : signature && describeLayer(signature)),
      preprocess: JSON.parse(signature?.preprocess ?? 'null'),
      mirror: signature?.mirror ?? false,
      runtime: signature?.runtime ?? 'onnxruntime-web',
      fingerprint: store.fingerprint,
    }
  } catch (error) {
    if (!(error instanceof SoftmarginError) || error.code !== 'DATA_UNREADABLE') throw error
    // Not a feature store: describe the arrays.
    const arrays = Object.entries(await readNpz(bytes)).map(([name, { shape }]) => [name, shape])
    return { kind: 'NumPy arrays', shapes: Object.fromEntries(arrays) }
  }
}

function describeLayer({ layer, pooling, featureSize }: Omit<FeatureSignature, 'preprocess'>) {
  return { layer, pooling: JSON.parse(pooling), features: featureSize }
}

function describeClassifier(model: ModelProto): Description {
  const { svm, scaler, pooling, preprocess, about: metadata, cnn } = readClassifier(model)
  return {
    kind: 'an image classifier',
    classes: svm.classes,
    ...svmProperties(svm),
    features: svm.supportVectors.cols,
    scale: scaler.kind,
    cnn: metadata.model,
    layer: cnn.graph?.output[0]?.name,
    pooling,
    preprocess,
    outputs: model.graph?.output.map(({ name }) => name),
    writtenBy: metadata.writtenBy,
  }
}

/** Describes LIBSVM text, of a model that `SVC` does not support by its header. */
function describeLibsvm(text: string): Omit<Description, 'kind'> {
  try {
    using svc = SVC.fromLibsvm(text)
    return describeSvc(svc)
  } catch (error) {
    if (!(error instanceof SoftmarginError) || error.code !== 'MODEL_UNSUPPORTED') throw error
    const [header] = text.split(/^SV\r?$/m, 1)
    const headerValue = (name: string) => new RegExp(`^${name} (.*?)\r?$`, 'm').exec(header)?.[1]
    return {
      svmType: headerValue('svm_type'),
      kernel: headerValue('kernel_type'),
      supportVectors: Number(headerValue('total_sv')),
      notUsable: error.message,
    }
  }
}

function describeSvc(svc: SVC): Omit<Description, 'kind'> {
  const { kernel, supportVectors, sigmoids } = svc.toState()
  const { kind, ...numbers } = kernel
  return {
    classes: svc.classes,
    ...svmProperties({ ...numbers, kernel: kind, supportVectors, sigmoids }),
    columns: supportVectors.cols,
  }
}

function svmProperties(svm: {
  kernel: string
  gamma?: number
  degree?: number
  coef0?: number
  supportVectors: { rows: number }
  sigmoids?: unknown
}) {
  const { kernel, gamma, degree, coef0, supportVectors, sigmoids } = svm
  return {
    kernel,
    ...(kernel === 'linear' ? {} : { gamma }),
    ...(kernel === 'poly' ? { degree } : {}),
    ...(kernel === 'poly' || kernel === 'sigmoid' ? { coef0 } : {}),
    supportVectors: supportVectors.rows,
    probabilities: sigmoids !== undefined,
  }
}

function describeCnn(model: ModelProto): Description {
  const graph = model.graph
  const layers = graph ? listLayers(model, inferTensors(model)) : []
  return {
    kind: 'an ONNX model',
    inputs:
      graph && requiredInputs(graph).map(({ name, type }) => ({ name, shape: dimensions(type) ?? null })),
    outputs: graph?.output.map(({ name }) => name),
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
    operatorSets: model.opsetImport.map(({ domain, version }) => `${domain || 'ai.onnx'} ${version}`),
    layers: layers.length,
    defaultLayer: layers.find(({ isDefault }) => isDefault)?.name ?? null,
  }
}
